import { describe, expect, it } from 'vitest'
import { ACCEPT_TIMEOUT_MS, JOB_DEADLINE_MS, SLOWEST_DOWNLINK_BYTES_PER_MS } from '../limits.ts'
import { acceptWaitMs, firstByteWaitMs, parseTimeouts } from './job-timeouts.ts'

describe('the operator’s timeouts', () => {
  it('are the defaults unless told', () => {
    expect(parseTimeouts(undefined).acceptMs).toBe(ACCEPT_TIMEOUT_MS)
    expect(parseTimeouts('')).toEqual(parseTimeouts('{}'))
    expect(parseTimeouts('{"acceptMs":7}')).toEqual({ ...parseTimeouts(''), acceptMs: 7 })
  })

  it.each([
    '{"acceptMs":0}',
    '{"acceptMs":"7"}',
    '{"accept":7}',
    `{"deadlineMs":${JOB_DEADLINE_MS + 1}}`,
    'fast',
  ])('may not be %s', (json) => {
    expect(() => parseTimeouts(json)).toThrow()
  })
})

describe('what a provider has time for', () => {
  it('to accept a job, grows with what it has to download', () => {
    expect(acceptWaitMs({ acceptMs: 500 }, 0)).toBe(500)
    expect(acceptWaitMs({ acceptMs: 500 }, 20 * SLOWEST_DOWNLINK_BYTES_PER_MS)).toBe(520)
  })

  it('to its first byte, is more where that comes with the last', () => {
    const timeouts = { firstByteMs: 1, wholeAnswerMs: 2 }
    expect([true, false].map((isStream) => firstByteWaitMs(timeouts, isStream))).toEqual([1, 2])
  })
})
