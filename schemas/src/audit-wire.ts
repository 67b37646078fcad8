import { z } from 'zod'
import { isLeaseId, type LeaseId } from './ids.ts'
import { MAX_MODEL_NAME_LENGTH, MAX_SCORED_CANDIDATES, MAX_TRANSCRIPT_TOKENS } from './limits.ts'
import {
  decodeIds,
  decodeTranscript,
  encodeIds,
  encodeTranscript,
  TranscriptError,
  type Position,
  type Transcript,
} from './transcript.ts'
import { decodeHeaded, encodeHeaded, WireError } from './wire.ts'

const lease = z.string().refine(isLeaseId, 'not a lease id')
const count = z.int().nonnegative()

/** Asks a provider to show what its receipt of a lease has committed to. */
export const openRequestSchema = z.object({ lease })
export type OpenRequest = z.infer<typeof openRequestSchema>

const openingSchema = z.object({ lease, found: z.boolean() })

/** What a provider shows; nothing when it does not have it any more. */
export interface Opening {
  readonly lease: LeaseId
  readonly transcript: Transcript | undefined
}

/** `transcript` is encoded already. */
export const encodeOpening = (
  lease: string,
  transcript: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> =>
  encodeHeaded({ lease, found: transcript !== undefined }, transcript ?? new Uint8Array())

/** Throws {@link WireError}. */
export function decodeOpening(payload: Uint8Array): Opening {
  const { header, bytes } = decodeHeaded(openingSchema, payload)
  const transcript = header.found ? read(() => decodeTranscript(bytes)) : undefined
  return { lease: header.lease, transcript }
}

const scoreHeaderSchema = z.object({
  /** Names the answer. */
  id: count,
  model: z.string().max(MAX_MODEL_NAME_LENGTH),
  prompt_ids: z.int().positive().max(MAX_TRANSCRIPT_TOKENS),
})

/** Asks a verifier how likely each token of an answer is, were it given the rest. */
export interface ScoreRequest {
  readonly id: number
  /** The verifier's own name of the model. */
  readonly model: string
  readonly prompt: readonly number[]
  readonly output: readonly number[]
}

/** Payload of a `score` frame: its header, then the ids of prompt and answer. */
export const encodeScoreRequest = ({ id, model, prompt, output }: ScoreRequest) =>
  encodeHeaded({ id, model, prompt_ids: prompt.length }, encodeIds([...prompt, ...output]))

/** Throws {@link WireError}. */
export function decodeScoreRequest(payload: Uint8Array): ScoreRequest {
  const { header, bytes } = decodeHeaded(scoreHeaderSchema, payload)
  const ids = read(() => decodeIds(bytes))
  const { id, model, prompt_ids } = header
  if (ids.length <= prompt_ids) throw new WireError('a score is asked for no answer')
  return { id, model, prompt: ids.slice(0, prompt_ids), output: ids.slice(prompt_ids) }
}

const scoredHeaderSchema = z.object({ id: count, error: z.string().max(512).optional() })

/** A verifier's answer: each token with the likeliest ones in its place; or why there is none. */
export type Scored =
  | { readonly id: number; readonly positions: readonly Position[] }
  | { readonly id: number; readonly error: string }

/** Payload of a `scored` frame: its header, then the positions as a transcript without a prompt. */
export const encodeScored = (scored: Scored): Uint8Array<ArrayBuffer> =>
  'error' in scored
    ? encodeHeaded({ id: scored.id, error: scored.error.slice(0, 512) }, new Uint8Array())
    : encodeHeaded(
        { id: scored.id },
        encodeTranscript({ prompt: [], positions: scored.positions }, MAX_SCORED_CANDIDATES),
      )

/** Throws {@link WireError}. */
export function decodeScored(payload: Uint8Array): Scored {
  const { header, bytes } = decodeHeaded(scoredHeaderSchema, payload)
  const { id, error } = header
  if (error !== undefined) return { id, error }
  return { id, positions: read(() => decodeTranscript(bytes, MAX_SCORED_CANDIDATES)).positions }
}

function read<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw error instanceof TranscriptError ? new WireError(error.message) : error
  }
}
