import { ApiError, errorEnvelope, errorHeaders } from '@infernet/openai-compat/api-error'
import type { StoredAnswer } from '../ports.ts'

/**
 * What the repetition of a request gets that was charged and whose answer is gone: too long to be
 * kept, or lost with the edge that made it. To run it again would be to charge it twice.
 */
export function notKept(): StoredAnswer {
  const error = new ApiError({
    status: 409,
    type: 'invalid_request_error',
    code: 'idempotency_result_not_kept',
    shouldRetry: false,
    message:
      'A request with this Idempotency-Key was answered and charged, but its answer was too large to keep or was lost. Use another key to run it again.',
  })
  return {
    status: error.status,
    contentType: 'application/json',
    headers: errorHeaders(error),
    body: new TextEncoder().encode(JSON.stringify(errorEnvelope(error))),
  }
}
