import { describe, expect, it } from 'vitest'
import { ACCEPT_TIMEOUT_MS, JOB_DEADLINE_MS } from '../limits.ts'
import { parseTimeouts } from './job-timeouts.ts'

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
