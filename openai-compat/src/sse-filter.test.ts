import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, cuts } from '../test/chunking.ts'
import { SseFilter, type Verdict } from './sse-filter.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]))
}

describe('SseFilter', () => {
  it.each([[[]], [[0.5]], [[0.2, 0.4, 0.6, 0.8, 0.99]]])('bounds an event, cut at %j', (at) => {
    const limit = 20
    const fits = encoder.encode(`data: ${'x'.repeat(limit - 7)}\n\n`)
    const tooLong = encoder.encode(`data: ${'x'.repeat(limit - 5)}\n\n`)
    const filter = new SseFilter(() => 'pass', limit)
    expect(join(chunked(fits, at).map((chunk) => filter.push(chunk)))).toEqual(fits)
    expect(join(chunked(tooLong, at).map((chunk) => filter.push(chunk)))).toHaveLength(0)
    expect(filter.fault).toBe('event_too_large')
    expect(filter.push(fits)).toHaveLength(0)
  })

  it('delivers what came before the fault', () => {
    const filter = new SseFilter(() => 'pass', 20)
    const out = filter.push(encoder.encode(`data: a\n\ndata: ${'x'.repeat(50)}`))
    expect(decoder.decode(out)).toBe('data: a\n\n')
  })

  it('puts bytes in an event’s place, however it is cut', () => {
    const verdicts = ['pass', 'drop', 'new'] as const
    const events = fc.array(fc.constantFrom(...verdicts), { maxLength: 12 })
    fc.assert(
      fc.property(events, cuts, (kinds, at) => {
        const filter = new SseFilter((buffer, start, end): Verdict => {
          const kind = decoder.decode(buffer.subarray(start, end)) as (typeof verdicts)[number]
          return kind === 'new' ? encoder.encode('data: other\n\n') : kind
        })
        const bytes = encoder.encode(kinds.map((kind) => `data: ${kind}\n\n`).join(''))
        const out = decoder.decode(join(chunked(bytes, at).map((chunk) => filter.push(chunk))))
        const expected = kinds.filter((kind) => kind !== 'drop')
        expect(out).toBe(
          expected.map((kind) => `data: ${kind === 'new' ? 'other' : kind}\n\n`).join(''),
        )
      }),
    )
  })
})
