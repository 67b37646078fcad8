import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_CANDIDATES, MAX_TRANSCRIPT_BYTES } from './limits.ts'
import {
  commitmentsOf,
  decodeTranscript,
  encodeTranscript,
  openingFault,
  TranscriptError,
  type Claim,
  type Transcript,
} from './transcript.ts'

const id = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const logprob = fc.float({ max: 0, noNaN: true, noDefaultInfinity: true })
const candidate = fc.record({ id, logprob })
const position = fc.record({
  id,
  logprob,
  top: fc.array(candidate, { maxLength: MAX_CANDIDATES }),
})
const transcript: fc.Arbitrary<Transcript> = fc.record({
  prompt: fc.array(id, { minLength: 1, maxLength: 30 }),
  positions: fc.array(position, { minLength: 1, maxLength: 30 }),
})

const claimOf = (opened: Transcript): Claim => ({
  spec: '00'.repeat(32),
  replay: 'llama-cpp',
  sampler: { temperature: 0.8, top_k: 40, top_p: 0.95, min_p: 0.05, seed: '7' },
  kept_only: true,
  ...commitmentsOf(opened),
})

const sample: Transcript = {
  prompt: [1, 2, 3],
  positions: [
    {
      id: 5,
      logprob: -0.25,
      top: [
        { id: 5, logprob: -0.25 },
        { id: 6, logprob: -1.5 },
      ],
    },
    { id: 2, logprob: -3, top: [] },
  ],
}

describe('a transcript', () => {
  it('comes out of its bytes as it went in', () => {
    fc.assert(
      fc.property(transcript, (opened) => {
        expect(decodeTranscript(encodeTranscript(opened))).toEqual(opened)
      }),
    )
  })

  it('that is cut, or has a tail, is none', () => {
    const bytes = encodeTranscript(sample)
    for (let end = 0; end < bytes.length; end++) {
      expect(() => decodeTranscript(bytes.subarray(0, end))).toThrow(TranscriptError)
    }
    expect(() => decodeTranscript(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(TranscriptError)
  })

  it('is refused, or read, whatever bytes it has', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(encodeTranscript(decodeTranscript(bytes))).toEqual(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(TranscriptError)
        }
      }),
    )
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5])(
    'has no logprob of %d',
    (wrong) => {
      const positions = [{ id: 1, logprob: wrong, top: [] }]
      expect(() => decodeTranscript(encodeTranscript({ prompt: [1], positions }))).toThrow(
        'logprob',
      )
    },
  )

  it('makes no room for what it only says it has', () => {
    const lies = Buffer.alloc(8, 0xff)
    expect(() => decodeTranscript(lies)).toThrow('longer than it is')
    expect(() => decodeTranscript(new Uint8Array(MAX_TRANSCRIPT_BYTES + 1))).toThrow('too long')
  })
})

describe('a claim', () => {
  it('holds its provider to every id and every number', () => {
    const claim = claimOf(sample)
    expect(openingFault(claim, decodeTranscript(encodeTranscript(sample)))).toBeUndefined()
    const [first, second] = sample.positions as [
      Transcript['positions'][0],
      Transcript['positions'][0],
    ]
    const others: [Transcript, string][] = [
      [{ ...sample, prompt: [1, 2] }, 'prompt_ids'],
      [{ ...sample, prompt: [1, 2, 4] }, 'prompt_sha256'],
      [{ ...sample, positions: [first] }, 'output_ids'],
      [{ ...sample, positions: [first, { ...second, id: 3 }] }, 'output_sha256'],
      [{ ...sample, positions: [first, { ...second, logprob: -3.0001 }] }, 'positions_root'],
      [
        { ...sample, positions: [{ ...first, top: first.top.slice(0, 1) }, second] },
        'positions_root',
      ],
    ]
    for (const [other, field] of others) expect(openingFault(claim, other)).toContain(field)
    expect(openingFault(claim, { prompt: [], positions: [] })).toBe('it is empty')
  })
})
