import { describe, expect, it } from 'vitest'
import { errorHeaders } from '@infernet/openai-compat/api-error'
import type { HoldRefusal } from '../ports.ts'
import { holdRefused } from './hold-refused.ts'

const table: [HoldRefusal, number, string, string[]][] = [
  [{ reason: 'insufficient_credit', availableMsat: 7 }, 402, 'insufficient_credit', ['7 msat']],
  [{ reason: 'backlog' }, 503, 'overloaded', []],
  [
    { reason: 'too_many_open', scope: 'account', limit: 64 },
    429,
    'too_many_concurrent_requests',
    ['64', 'your account'],
  ],
  [
    { reason: 'rate_limit_requests', scope: 'key', limit: 60, retryAfterMs: 900 },
    429,
    'rate_limit_exceeded',
    ['60 requests', 'this API key'],
  ],
  [
    { reason: 'rate_limit_tokens', scope: 'account', limit: 1000, retryAfterMs: 900 },
    429,
    'rate_limit_exceeded',
    ['1000 tokens', 'your account'],
  ],
  [
    { reason: 'budget', scope: 'key', limit: 500, retryAfterMs: 900 },
    402,
    'key_budget_exceeded',
    ['500 msat', 'this API key', '321 msat'],
  ],
]

describe('a refused hold', () => {
  it.each(table)('$reason has a status, a code and the numbers', (refusal, status, code, words) => {
    const error = holdRefused({ holdMsat: 321 }, refusal)
    expect(error).toMatchObject({ status, code })
    for (const word of words) expect(error.message).toContain(word)
  })

  it('says when to come again where time helps, and not to where nothing does', () => {
    const rate = { scope: 'key', limit: 1, retryAfterMs: 900 } as const
    expect(
      errorHeaders(holdRefused({ holdMsat: 1 }, { reason: 'rate_limit_tokens', ...rate })),
    ).toEqual({ 'retry-after-ms': '900', 'retry-after': '1' })
    const tooDear = { reason: 'budget', scope: 'key', limit: 1 } as const
    expect(errorHeaders(holdRefused({ holdMsat: 2 }, tooDear))).toEqual({
      'x-should-retry': 'false',
    })
    expect(errorHeaders(holdRefused({ holdMsat: 1 }, { ...tooDear, retryAfterMs: 900 }))).toEqual({
      'x-should-retry': 'false',
      'retry-after-ms': '900',
      'retry-after': '1',
    })
  })
})
