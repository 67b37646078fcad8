import { ApiError, type ApiErrorFields } from '@infernet/openai-compat/api-error'
import type { JobError } from '@infernet/schemas/wire'

/** Recorded when an engine refused a request: its own code is a stranger's text, and only the client gets it. */
export const ENGINE_REFUSED = 'engine_refused'

/** Statuses that an engine may blame a request with; any other becomes 400. */
const REQUEST_FAULTS: ReadonlySet<number> = new Set([400, 404, 413, 415, 422])

/** The engine refused the request itself: its own words reach the client, and nobody retries. */
export function engineRefused(error: JobError): ApiError {
  const status = error.status !== undefined && REQUEST_FAULTS.has(error.status) ? error.status : 400
  return new ApiError({
    status,
    type: 'invalid_request_error',
    message: error.message,
    code: error.code,
    shouldRetry: false,
    ...(typeof error.param === 'string' ? { param: error.param } : {}),
  })
}

/** Nobody reads it, but a job that was cancelled before its first byte must answer something. */
export const clientClosed = (): ApiError =>
  new ApiError({
    status: 499,
    type: 'invalid_request_error',
    code: 'client_closed_request',
    message: 'The client closed the request.',
  })

/** An error as plain data, which survives an RPC. */
export function fieldsOf(error: ApiError): ApiErrorFields {
  return {
    status: error.status,
    type: error.type,
    message: error.message,
    ...(error.code === null ? {} : { code: error.code }),
    ...(error.param === null ? {} : { param: error.param }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.shouldRetry === undefined ? {} : { shouldRetry: error.shouldRetry }),
  }
}
