import { newRequestId, newJobId } from '@infernet/schemas/ids'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSampled, parseTraceparent, spanIdOf, traceIdOf } from './trace-context.ts'

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const traceId = hex(32).filter((id) => /[1-9a-f]/.test(id))
const spanId = hex(16).filter((id) => /[1-9a-f]/.test(id))

describe('a traceparent header', () => {
  it('names the trace, the caller’s span and whether it is recorded', () => {
    fc.assert(
      fc.property(traceId, spanId, hex(2), (trace, span, flags) => {
        expect(parseTraceparent(`00-${trace}-${span}-${flags}`)).toEqual({
          traceId: trace,
          spanId: span,
          sampled: parseInt(flags, 16) % 2 === 1,
        })
      }),
    )
  })

  it('may go on in later versions', () => {
    const later = `cc-${'1'.repeat(32)}-${'2'.repeat(16)}-01-what-else`
    expect(parseTraceparent(later)?.sampled).toBe(true)
  })

  it.each([
    undefined,
    '',
    'nonsense',
    `00-${'0'.repeat(32)}-${'2'.repeat(16)}-01`,
    `00-${'1'.repeat(32)}-${'0'.repeat(16)}-01`,
    `ff-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01-more`,
    `00-${'A'.repeat(32)}-${'2'.repeat(16)}-01`,
    `00-${'1'.repeat(31)}-${'2'.repeat(16)}-01`,
  ])('that is %j is none', (header) => {
    expect(parseTraceparent(header)).toBeUndefined()
  })
})

describe('ids', () => {
  it('of a trace and its spans come from the request and the job, and are as long as they must be', () => {
    const request = newRequestId(Date.now())
    const job = newJobId(Date.now())
    expect(traceIdOf(request)).toMatch(/^[0-9a-f]{32}$/)
    expect(request.endsWith(traceIdOf(request) ?? '?')).toBe(true)
    const spans = [spanIdOf(request), spanIdOf(job, 0), spanIdOf(job, 1), spanIdOf(job, 99)]
    for (const id of spans) expect(id).toMatch(/^[0-9a-f]{16}$/)
    expect(new Set(spans).size).toBe(spans.length)
    expect(traceIdOf('req')).toBeUndefined()
  })
})

describe('the sample', () => {
  it('is the same in every process, and no trace whose caller does not record it', () => {
    const parent = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), sampled: false }
    fc.assert(
      fc.property(traceId, fc.double({ min: 0, max: 1, noNaN: true }), (trace, ratio) => {
        expect(isSampled(trace, undefined, 1)).toBe(true)
        expect(isSampled(trace, undefined, 0)).toBe(false)
        expect(isSampled(trace, parent, 1)).toBe(false)
        const larger = Math.min(1, ratio * 2)
        if (isSampled(trace, undefined, ratio)) {
          expect(isSampled(trace, { ...parent, sampled: true }, larger)).toBe(true)
        }
      }),
    )
  })

  it('is about the share that was asked for', () => {
    const ids = Array.from({ length: 4000 }, () => traceIdOf(newRequestId(Date.now())) ?? '')
    const share = ids.filter((id) => isSampled(id, undefined, 0.25)).length / ids.length
    expect(share).toBeGreaterThan(0.2)
    expect(share).toBeLessThan(0.3)
  })
})
