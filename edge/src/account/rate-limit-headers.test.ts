import { describe, expect, it } from 'vitest'
import { durationText, rateLimitHeaders } from './rate-limit-headers.ts'

describe('rate limit headers', () => {
  it('are none without rate limits', () => {
    expect(rateLimitHeaders({})).toEqual({})
  })

  it('are OpenAI’s, for what is limited', () => {
    const requests = { limit: 60, remaining: 59, resetMs: 1000 }
    const tokens = { limit: 150_000, remaining: 149_984, resetMs: 6 }
    expect(rateLimitHeaders({ rates: { requests, tokens } })).toEqual({
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-limit-tokens': '150000',
      'x-ratelimit-remaining-tokens': '149984',
      'x-ratelimit-reset-tokens': '6ms',
    })
    expect(Object.keys(rateLimitHeaders({ rates: { tokens } }))).toHaveLength(3)
  })

  it.each([
    [0, '0ms'],
    [12, '12ms'],
    [999, '999ms'],
    [1000, '1s'],
    [1500, '1.5s'],
    [59_999, '59.999s'],
    [60_000, '1m0s'],
    [360_000, '6m0s'],
    [61_500, '1m1.5s'],
    [3_600_000, '1h0m0s'],
    [90_061_001, '25h1m1.001s'],
  ])('say %d ms as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text)
  })
})
