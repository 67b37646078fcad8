import type { Usage } from './chat-types.ts'
import { type EmbeddingsRequestBody, inputsOf, MAX_DIMENSIONS } from './embeddings-request.ts'
import { billableEmbeddings, makeUsage } from './usage.ts'

/** Bytes of a float32. */
const FLOAT_BYTES = 4
/** Arguments of one String.fromCharCode call: engines overflow their stack at some 100,000. */
const CHARS_PER_CALL = 8192

/** OpenAI's CreateEmbeddingResponse; a vector is a string where the client asked for base64. */
export interface EmbeddingsAnswer {
  object: 'list'
  model: string
  data: { object: 'embedding'; index: number; embedding: readonly number[] | string }[]
  usage: { prompt_tokens: number; total_tokens: number }
}

/** What the client asked for, and what its answer is called and charged by. */
export interface EmbeddingsWish {
  readonly body: EmbeddingsRequestBody
  /** The model's public name, which replaces the engine's own. */
  readonly model: string
  /** Bytes of the request; they bound the prompt tokens that an engine may claim. */
  readonly requestBytes: number
}

/**
 * The answer that the client asked for, made of an engine's: engines often write vectors in one
 * form only. Its prompt tokens are those that are billed, by the rule of `usage.ts`.
 *
 * Undefined when the engine's answer is unusable: not one vector per input, vectors of unequal or
 * other than the wanted length, or a number that is no finite float32.
 */
export function embeddingsAnswer(
  engineAnswer: unknown,
  wish: EmbeddingsWish,
): { answer: EmbeddingsAnswer; promptTokens: number } | undefined {
  const { body, model, requestBytes } = wish
  const { data, usage } = fieldsOf(engineAnswer)
  const inputs = inputsOf(body)
  if (!Array.isArray(data) || data.length !== inputs) return undefined
  let dimensions = body.dimensions ?? undefined
  const written: EmbeddingsAnswer['data'] = []
  for (const item of data) {
    const { index, embedding } = fieldsOf(item)
    if (typeof index !== 'number' || !Number.isInteger(index)) return undefined
    if (index < 0 || index >= inputs || written[index] !== undefined) return undefined
    const vector = readVector(embedding)
    if (vector === undefined || vector.length !== (dimensions ?? vector.length)) return undefined
    dimensions = vector.length
    // Base64 is written anew even so: decoders differ in what white space and padding they take.
    written[index] = {
      object: 'embedding',
      index,
      embedding: body.encoding_format === 'base64' ? encodeFloats(vector) : vector,
    }
  }
  const { promptTokens } = billableEmbeddings({ claimed: claimedUsage(usage), requestBytes })
  const counts = { prompt_tokens: promptTokens, total_tokens: promptTokens }
  return { answer: { object: 'list', model, data: written, usage: counts }, promptTokens }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Embedding a text has no completion, so that some engines count only the total. */
function claimedUsage(usage: unknown): Usage | undefined {
  const { prompt_tokens: prompt, total_tokens: total } = fieldsOf(usage)
  const claimed = [prompt, total].find((count) => Number.isSafeInteger(count))
  return typeof claimed === 'number' && claimed >= 0 ? makeUsage(claimed, 0) : undefined
}

const isFloat = (number: unknown): boolean =>
  typeof number === 'number' && Number.isFinite(Math.fround(number))

function readVector(embedding: unknown): readonly number[] | undefined {
  const vector = typeof embedding === 'string' ? decodeFloats(embedding) : embedding
  if (!Array.isArray(vector) || vector.length === 0 || vector.length > MAX_DIMENSIONS) {
    return undefined
  }
  return vector.every(isFloat) ? vector : undefined
}

/** Undefined when the text is no base64 of whole floats. */
function decodeFloats(base64: string): number[] | undefined {
  let bytes: string
  try {
    bytes = atob(base64)
  } catch {
    return undefined
  }
  if (bytes.length % FLOAT_BYTES !== 0) return undefined
  const view = new DataView(new ArrayBuffer(bytes.length))
  for (let i = 0; i < bytes.length; i++) view.setUint8(i, bytes.charCodeAt(i))
  return Array.from({ length: bytes.length / FLOAT_BYTES }, (_, i) =>
    view.getFloat32(i * FLOAT_BYTES, true),
  )
}

function encodeFloats(vector: readonly number[]): string {
  const bytes = new Uint8Array(vector.length * FLOAT_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [i, number] of vector.entries()) view.setFloat32(i * FLOAT_BYTES, number, true)
  let text = ''
  for (let at = 0; at < bytes.length; at += CHARS_PER_CALL) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHARS_PER_CALL))
  }
  return btoa(text)
}
