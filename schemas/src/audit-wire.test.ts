import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeOpening,
  decodeRendered,
  decodeRenderRequest,
  decodeScored,
  decodeScoreRequest,
  encodeOpening,
  encodeRendered,
  encodeRenderRequest,
  encodeScored,
  encodeScoreRequest,
} from './audit-wire.ts'
import { leaseOf, newJobId } from './ids.ts'
import {
  MAX_COMPARED_TEXT_BYTES,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_MODEL_NAME_LENGTH,
  MAX_RENDERED_BYTES,
  MAX_REQUEST_BODY_BYTES,
  MAX_SCORED_CANDIDATES,
  MAX_TRANSCRIPT_TOKENS,
} from './limits.ts'
import { encodeTranscript, type Transcript } from './transcript.ts'
import { encodeHeaded, ENDPOINTS, WireError } from './wire.ts'

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

const u32 = fc.nat(2 ** 32 - 1)
const ids = fc.array(u32, { minLength: 1, maxLength: 40 })
const anyText = fc.string({ unit: 'binary', maxLength: 40 })

/** As many as there may be. */
const most = Array.from({ length: MAX_TRANSCRIPT_TOKENS }, (_, id) => id)

describe('a rendering', () => {
  const request = fc.record({
    id: fc.nat(),
    model: fc.string({ maxLength: 20 }),
    endpoint: fc.constantFrom(...ENDPOINTS),
    continues: fc.boolean(),
    at: fc.nat(),
    body: fc.uint8Array({ maxLength: 40 }),
    output: ids,
  })
  const told = fc.record({ id: fc.nat(), prompt: ids, text: fc.option(anyText) })

  it('is asked for by a body and the ids of its answer', () => {
    fc.assert(
      fc.property(request, (asked) => {
        expect(decodeRenderRequest(encodeRenderRequest(asked))).toEqual(asked)
      }),
    )
    const none = { id: 1, model: 'm', endpoint: 'completions', continues: false } as const
    const bytes = encodeRenderRequest({ ...none, body: new Uint8Array(9), output: [] })
    expect(() => decodeRenderRequest(bytes)).toThrow(WireError)
  })

  it('is the ids of a prompt and maybe a text, in any language, or a reason', () => {
    fc.assert(
      fc.property(told, (rendered) => {
        expect(decodeRendered(encodeRendered(rendered))).toEqual(rendered)
      }),
    )
    const marked = { id: 1, prompt: [2], text: '\uFEFFa' }
    expect(decodeRendered(encodeRendered(marked))).toEqual(marked)
    const refused = { id: 7, error: 'no such model' }
    expect(decodeRendered(encodeRendered(refused))).toEqual(refused)
  })

  it('is refused in the words of the wire when it is cut, anywhere', () => {
    fc.assert(
      fc.property(told, fc.nat(), (rendered, at) => {
        const bytes = encodeRendered({ ...rendered, text: null })
        expect(() => decodeRendered(bytes.subarray(0, at % bytes.length))).toThrow(WireError)
      }),
    )
    const header = { id: 1, prompt_ids: 1, is_text: true }
    const notUtf8 = encodeHeaded(header, Uint8Array.of(0, 0, 0, 1, 0xff))
    expect(() => decodeRendered(notUtf8)).toThrow(WireError)
    const unsaid = encodeHeaded({ ...header, is_text: false }, Uint8Array.of(0, 0, 0, 1, 0x61))
    expect(() => decodeRendered(unsaid)).toThrow(WireError)
  })

  it('fits its frame, with the most of everything', () => {
    const model = 'm'.repeat(MAX_MODEL_NAME_LENGTH)
    const body = new Uint8Array(MAX_REQUEST_BODY_BYTES)
    const asked = {
      id: 2 ** 50,
      model,
      endpoint: ENDPOINTS[0],
      continues: false,
      at: 2 ** 50,
      body,
    }
    const ask = encodeRenderRequest({ ...asked, output: most })
    expect(ask.length).toBeLessThanOrEqual(MAX_FRAME_PAYLOAD_BYTES)
    const text = 'x'.repeat(MAX_COMPARED_TEXT_BYTES)
    const answer = encodeRendered({ id: 2 ** 50, prompt: most, text })
    expect(answer.length).toBeLessThanOrEqual(MAX_RENDERED_BYTES)
    expect(decodeRendered(answer)).toMatchObject({ prompt: { length: most.length } })
    const longer = encodeRendered({ id: 1, prompt: [1], text: `${text}x` })
    expect(() => decodeRendered(longer)).toThrow(WireError)
  })
})
