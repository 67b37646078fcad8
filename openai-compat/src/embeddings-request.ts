import { z } from 'zod'
import { tokenIds } from './completion-request-schema.ts'
import { checkVerify, type InferenceRequest, marketOf } from './inference-request.ts'
import { parseJsonBody } from './json-body.ts'
import { marketFields } from './request-fields.ts'
import { checkShape } from './zod-issue.ts'

/** OpenAI's limit. */
export const MAX_EMBEDDING_INPUTS = 2048
/** Numbers in one vector: eight times the longest that a known model makes. */
export const MAX_DIMENSIONS = 65_536

const inputText = z.string().min(1)

/** POST /v1/embeddings, field by field; loose, as the chat schema is. */
export const embeddingsRequestSchema = z.looseObject({
  ...marketFields,
  input: z.union([
    inputText,
    tokenIds,
    z.array(inputText).min(1).max(MAX_EMBEDDING_INPUTS),
    z.array(tokenIds).min(1).max(MAX_EMBEDDING_INPUTS),
  ]),
  /** A JSON array, or the base64 of little-endian float32s. */
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).max(MAX_DIMENSIONS).nullish(),
})

/** A request body after validation. Unknown fields are kept. */
export type EmbeddingsRequestBody = z.output<typeof embeddingsRequestSchema>

/** A validated embeddings request. Its `messages` are its inputs. */
export interface EmbeddingsRequest extends InferenceRequest {
  readonly endpoint: 'embeddings'
  /** The parsed body as the client sent it, unknown fields included. Not a copy. */
  readonly body: EmbeddingsRequestBody
}

/**
 * Validates the JSON value of an embeddings request, as `parseJsonBody` returns it.
 *
 * @throws ApiError 400 with `param` naming the field, dotted (`input.0`).
 */
export function checkEmbeddingsRequest(value: unknown): EmbeddingsRequest {
  checkShape(embeddingsRequestSchema, value)
  checkVerify(value, 'embeddings', 1)
  return {
    endpoint: 'embeddings',
    body: value,
    ...marketOf(value),
    stream: false,
    includeUsage: false,
    maxOutputTokens: undefined,
    n: 1,
    messages: inputsOf(value),
    needs: [],
  }
}

/**
 * Reads and validates the body of POST /v1/embeddings.
 *
 * @throws ApiError 400: not UTF-8, not JSON, or a field that OpenAI's API would refuse.
 */
export function parseEmbeddingsRequest(bytes: Uint8Array): EmbeddingsRequest {
  return checkEmbeddingsRequest(parseJsonBody(bytes))
}

/** A list of numbers is one input, any other list is one input per item. */
export function inputsOf({ input }: EmbeddingsRequestBody): number {
  return Array.isArray(input) && typeof input[0] !== 'number' ? input.length : 1
}
