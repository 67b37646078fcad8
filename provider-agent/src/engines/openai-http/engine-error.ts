import type { JobError } from '@infernet/schemas/wire'
import { providerFault, requestFault } from '../engine.ts'

/** Statuses by which an engine says that the request itself is wrong. */
const REQUEST_STATUSES: ReadonlySet<number> = new Set([400, 413, 422])
/** What the request has wrong although Ollama answers 500: a client could make its provider look broken. */
const REQUEST_WORDS = /^invalid JSON schema in format/

/**
 * The job error for an engine's HTTP error. What the client got wrong goes back to it in the
 * engine's words; everything else is ours to answer for, a missing model or key included.
 */
export function errorOfResponse(status: number, body: string): JobError {
  const { message, code, type, param } = readError(body)
  const said = message ?? `HTTP ${status}`
  if (!REQUEST_STATUSES.has(status) && !REQUEST_WORDS.test(said)) {
    return providerFault(`engine_http_${status}`, `the engine answered ${status}: ${said}`)
  }
  return requestFault(codeOf(code, type, said), said, {
    status: REQUEST_STATUSES.has(status) ? status : 400,
    param: typeof param === 'string' ? param : null,
  })
}

/** How vLLM, SGLang, llama-server, TGI and LM Studio say that a prompt does not fit. */
const TOO_LONG =
  /maximum (?:context|model) length|longer than the model's context length|exceeds? the (?:available|model's) context|context length of only|`inputs` (?:tokens \+|must have less than)/i

/** llama-server has a type of its own for it, others only the words. */
function codeOf(code: unknown, type: unknown, message: string): string {
  if (type === 'exceed_context_size_error' || TOO_LONG.test(message)) {
    return 'context_length_exceeded'
  }
  return typeof code === 'string' && code !== '' ? code : 'invalid_request'
}

interface EngineErrorBody {
  readonly message?: string
  readonly code?: unknown
  readonly type?: unknown
  readonly param?: unknown
}

/** OpenAI's envelope, vLLM's older flat form, or FastAPI's `detail`. */
function readError(body: string): EngineErrorBody {
  try {
    const value = JSON.parse(body) as { error?: unknown; detail?: unknown; message?: unknown }
    const error = value.error ?? value
    if (typeof error === 'string') return { message: error }
    if (typeof value.detail === 'string') return { message: value.detail }
    if (value.detail !== undefined) return { message: JSON.stringify(value.detail) }
    const { message, ...rest } = error as { message?: unknown }
    return typeof message === 'string' ? { message, ...rest } : rest
  } catch {
    return {}
  }
}
