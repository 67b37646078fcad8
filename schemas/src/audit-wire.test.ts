import { describe, expect, it } from 'vitest'
import {
  decodeOpening,
  decodeScored,
  decodeScoreRequest,
  encodeOpening,
  encodeScored,
  encodeScoreRequest,
} from './audit-wire.ts'
import { leaseOf, newJobId } from './ids.ts'
import { MAX_SCORED_CANDIDATES } from './limits.ts'
import { encodeTranscript, type Transcript } from './transcript.ts'
import { encodeHeaded, WireError } from './wire.ts'

const lease = leaseOf(newJobId(0), 1)
const transcript: Transcript = {
  prompt: [1, 2],
  positions: [{ id: 3, logprob: -1, top: [{ id: 3, logprob: -1 }] }],
}

describe('an opening', () => {
  it('has a transcript, or none any more', () => {
    expect(decodeOpening(encodeOpening(lease, encodeTranscript(transcript)))).toEqual({
      lease,
      transcript,
    })
    expect(decodeOpening(encodeOpening(lease, undefined))).toEqual({ lease, transcript: undefined })
  })

  it('is refused in the words of the wire when it is malformed', () => {
    expect(() => decodeOpening(encodeOpening('job', undefined))).toThrow(/^lease: /)
    expect(() => decodeOpening(encodeOpening(lease, Uint8Array.of(1)))).toThrow(WireError)
    expect(() => decodeOpening(new Uint8Array())).toThrow(WireError)
  })
})

describe('a score', () => {
  const request = { id: 7, model: 'm', prompt: [1, 2], output: [3, 4, 2 ** 32 - 1] }
  const top = Array.from({ length: MAX_SCORED_CANDIDATES }, (_, id) => ({ id, logprob: -id }))

  it('is asked for by ids', () => {
    expect(decodeScoreRequest(encodeScoreRequest(request))).toEqual(request)
    for (const wrong of [{ prompt: [] }, { output: [] }]) {
      const bytes = encodeScoreRequest({ ...request, ...wrong })
      expect(() => decodeScoreRequest(bytes)).toThrow(WireError)
    }
    const header = { id: 7, model: 'm', prompt_ids: 1 }
    expect(() => decodeScoreRequest(encodeHeaded(header, new Uint8Array(9)))).toThrow(WireError)
  })

  it('comes with more candidates than a provider lists, or with a reason', () => {
    const scored = { id: 7, positions: [{ id: 1, logprob: -1, top }] }
    expect(decodeScored(encodeScored(scored))).toEqual(scored)
    const refused = { id: 7, error: 'no such model' }
    expect(decodeScored(encodeScored(refused))).toEqual(refused)
    const tooMany = [{ id: 1, logprob: -1, top: [...top, { id: 99, logprob: -99 }] }]
    expect(() => encodeScored({ id: 7, positions: tooMany })).toThrow(RangeError)
  })
})
