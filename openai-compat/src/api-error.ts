import type { ChunkHead } from './chat-types.ts'
import { encodeData } from './sse-encoder.ts'
import { CHUNK_OBJECT, type StreamEndpoint } from './stream-endpoint.ts'

/** OpenAI's `error.type`. Clients branch on the status and on `code`; the type is for people. */
export type ErrorType =
  | 'invalid_request_error'
  | 'insufficient_quota'
  | 'rate_limit_error'
  | 'server_error'
  | 'overloaded_error'

/** What an `ApiError` is made of; `param` and `code` default to null, the rest to absent. */
export interface ApiErrorFields {
  status: number
  type: ErrorType
  message: string
  code?: string
  param?: string
  /** How long a client should wait before it asks again, in milliseconds. */
  retryAfterMs?: number
  /** Overrides the client's own retry rule (it retries 408, 409, 429 and 5xx unasked). */
  shouldRetry?: boolean
}

/** An error with everything the wire needs. The message is shown to the client as it is. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly type: ErrorType
  readonly code: string | null
  readonly param: string | null
  readonly retryAfterMs: number | undefined
  readonly shouldRetry: boolean | undefined

  constructor(fields: ApiErrorFields) {
    super(fields.message)
    this.status = fields.status
    this.type = fields.type
    this.code = fields.code ?? null
    this.param = fields.param ?? null
    this.retryAfterMs = fields.retryAfterMs
    this.shouldRetry = fields.shouldRetry
  }
}

/** OpenAI's error body (schema ErrorResponse): all four keys are always there. */
export interface ErrorEnvelope {
  error: { message: string; type: string; param: string | null; code: string | null }
}

/** The JSON body for an error. */
export function errorEnvelope(error: ApiError): ErrorEnvelope {
  return {
    error: { message: error.message, type: error.type, param: error.param, code: error.code },
  }
}

/**
 * The headers for an error, in the order openai-node obeys them: `x-should-retry`, then
 * `retry-after-ms`, then `retry-after` (whole seconds, rounded up so that nobody comes early).
 */
export function errorHeaders(error: ApiError): Record<string, string> {
  const headers: Record<string, string> = {}
  if (error.shouldRetry !== undefined) headers['x-should-retry'] = String(error.shouldRetry)
  if (error.retryAfterMs !== undefined) {
    headers['retry-after-ms'] = String(Math.ceil(error.retryAfterMs))
    headers['retry-after'] = String(Math.ceil(error.retryAfterMs / 1000))
  }
  return headers
}

/**
 * The SSE event that ends a stream which failed after its first token, when the status is long
 * gone (OpenRouter's form: a chunk with a top-level `error`). openai-node throws APIError on it;
 * clients that only read choices see `finish_reason: "error"`, so no failure looks like an end.
 * Nothing may follow it, `[DONE]` included.
 */
export function streamErrorEvent(
  error: ApiError,
  head: ChunkHead,
  endpoint: StreamEndpoint = 'chat.completions',
): Uint8Array {
  const nothing = endpoint === 'completions' ? { text: '' } : { delta: { content: '' } }
  return encodeData({
    id: head.id,
    object: CHUNK_OBJECT[endpoint],
    created: head.created,
    model: head.model,
    ...errorEnvelope(error),
    choices: [{ index: 0, ...nothing, logprobs: null, finish_reason: 'error' }],
  })
}
