import { z } from 'zod'
import { isLeaseId, type LeaseId } from './ids.ts'
import {
  MAX_COMPARED_TEXT_BYTES,
  MAX_MODEL_NAME_LENGTH,
  MAX_SCORED_CANDIDATES,
  MAX_TRANSCRIPT_TOKENS,
} from './limits.ts'
import {
  decodeIds,
  decodeTranscript,
  encodeIds,
  encodeTranscript,
  TranscriptError,
  type Position,
  type Transcript,
} from './transcript.ts'
import { encodeUtf8 } from './utf8.ts'
import { decodeHeaded, encodeHeaded, ENDPOINTS, WireError, type Endpoint } from './wire.ts'

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

const renderHeaderSchema = z.object({
  /** Names the answer. */
  id: count,
  model: z.string().max(MAX_MODEL_NAME_LENGTH),
  endpoint: z.enum(ENDPOINTS),
  continues: z.boolean(),
  at: count.optional(),
  output_ids: z.int().positive().max(MAX_TRANSCRIPT_TOKENS),
})

/** Asks a verifier which tokens a request is to its model, and which text those of its answer are. */
export interface RenderRequest {
  readonly id: number
  /** The verifier's own name of the model. */
  readonly model: string
  readonly endpoint: Endpoint
  /** As in the job's header. */
  readonly continues: boolean
  /** When the job was ordered, ms since the epoch; without it, prompts that the date is written into are not rendered. */
  readonly at?: number | undefined
  /** The JSON that the provider was given. */
  readonly body: Uint8Array
  readonly output: readonly number[]
}

/** Payload of a `render` frame: its header, the ids of the answer, the body. */
export const encodeRenderRequest = ({ body, output, ...header }: RenderRequest) =>
  encodeHeaded({ ...header, output_ids: output.length }, concatenate(encodeIds(output), body))

/** `body` is a copy. Throws {@link WireError}. */
export function decodeRenderRequest(payload: Uint8Array): RenderRequest {
  const { header, bytes } = decodeHeaded(renderHeaderSchema, payload)
  const { output_ids, ...rest } = header
  const [output, body] = splitIds(bytes, output_ids)
  return { ...rest, output, body: body.slice() }
}

const renderedHeaderSchema = z.union([
  z.object({ id: count, error: z.string().max(512) }),
  z.object({
    id: count,
    prompt_ids: z.int().positive().max(MAX_TRANSCRIPT_TOKENS),
    is_text: z.boolean(),
  }),
])

/** What a request and an answer's ids are to a verifier's engine. */
export interface RenderedAnswer {
  /** The whole prompt, with every special token. */
  readonly prompt: readonly number[]
  /**
   * What the ids say: no special tokens, nothing behind the one that ended it, and stop sequences still in it.
   * Null where the engine shows something else than its tokens' text, such as calls.
   */
  readonly text: string | null
}

/** A verifier's answer; or why there is none. */
export type Rendered =
  | ({ readonly id: number } & RenderedAnswer)
  | { readonly id: number; readonly error: string }

/** Payload of a `rendered` frame: its header, the ids of the prompt, the text. */
export function encodeRendered(rendered: Rendered): Uint8Array<ArrayBuffer> {
  const { id } = rendered
  if ('error' in rendered) {
    return encodeHeaded({ id, error: rendered.error.slice(0, 512) }, new Uint8Array())
  }
  const { prompt, text } = rendered
  return encodeHeaded(
    { id, prompt_ids: prompt.length, is_text: text !== null },
    concatenate(encodeIds(prompt), encodeUtf8(text ?? '')),
  )
}

/** Throws {@link WireError}. */
export function decodeRendered(payload: Uint8Array): Rendered {
  const { header, bytes } = decodeHeaded(renderedHeaderSchema, payload)
  if ('error' in header) return header
  const [prompt, rest] = splitIds(bytes, header.prompt_ids)
  if (rest.length > MAX_COMPARED_TEXT_BYTES) throw new WireError('a rendered text is too long')
  const text = readText(rest)
  if (!header.is_text && text !== '') throw new WireError('a text where there is none')
  return { id: header.id, prompt, text: header.is_text ? text : null }
}

/** The ids in front, and the bytes behind them. */
function splitIds(bytes: Uint8Array, count: number): readonly [number[], Uint8Array] {
  if (bytes.length < 4 * count) throw new WireError('a list of ids is cut')
  return [read(() => decodeIds(bytes.subarray(0, 4 * count))), bytes.subarray(4 * count)]
}

function concatenate(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length)
  bytes.set(one)
  bytes.set(other, one.length)
  return bytes
}

/** A byte order mark at its beginning is text like any other. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new WireError('a rendered text is no UTF-8')
  }
}

function read<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw error instanceof TranscriptError ? new WireError(error.message) : error
  }
}
