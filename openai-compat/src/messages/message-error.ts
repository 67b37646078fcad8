import type { ApiError } from '../api-error.ts'

/** Anthropic's `error.type`, which goes with the HTTP status. */
type MessageErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'billing_error'
  | 'permission_error'
  | 'not_found_error'
  | 'conflict_error'
  | 'rate_limit_error'
  | 'timeout_error'
  | 'overloaded_error'
  | 'api_error'

/** Anthropic's error body. Its SDKs read `details.error_code`; the code is ours, as elsewhere. */
export interface MessageError {
  type: 'error'
  error: {
    type: MessageErrorType
    message: string
    details: { error_code: string; param?: string } | null
  }
  request_id: string
}

const BY_STATUS: Readonly<Partial<Record<number, MessageErrorType>>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  409: 'conflict_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
}

/** The JSON body of an error for clients of /v1/messages. */
export function messageError(error: ApiError, requestId: string): MessageError {
  const { status, message, code, param } = error
  const other = status < 500 ? 'invalid_request_error' : 'api_error'
  const overloaded = error.type === 'overloaded_error'
  return {
    type: 'error',
    error: {
      type: overloaded ? 'overloaded_error' : (BY_STATUS[status] ?? other),
      message,
      details: code === null ? null : { error_code: code, ...(param === null ? {} : { param }) },
    },
    request_id: requestId,
  }
}

const BY_TYPE: Readonly<Partial<Record<string, MessageErrorType>>> = {
  invalid_request_error: 'invalid_request_error',
  insufficient_quota: 'billing_error',
  rate_limit_error: 'rate_limit_error',
  overloaded_error: 'overloaded_error',
}

/** The same for the error inside a chat stream, whose status is long gone. */
export function streamedMessageError(
  error: { readonly type: string; readonly message: string; readonly code: string | null },
  requestId: string,
): MessageError {
  const timedOut = error.code === 'provider_timeout'
  return {
    type: 'error',
    error: {
      type: timedOut ? 'timeout_error' : (BY_TYPE[error.type] ?? 'api_error'),
      message: error.message,
      details: error.code === null ? null : { error_code: error.code },
    },
    request_id: requestId,
  }
}
