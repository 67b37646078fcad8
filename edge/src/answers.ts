import { ApiError, errorEnvelope, errorHeaders } from '@infernet/openai-compat/api-error'
import { toApiError } from '@infernet/openai-compat/api-errors'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { PaymentRequired } from './l402/payment-required.ts'
import { NO_PROVIDER_RETRY_AFTER_MS } from './limits.ts'
import type { EdgeContext, EdgeServices } from './services.ts'

/** Longest path that is logged; anything longer is a stranger's text. */
const MAX_LOGGED_PATH_CHARS = 200

/** Answers with an error in OpenAI's envelope (or `body`, for another API's clients), and logs it. */
export function refuse(
  services: EdgeServices,
  c: EdgeContext,
  error: ApiError,
  headers: Readonly<Record<string, string>> = {},
  body: object = errorEnvelope(error),
): Response {
  log(services, c, error.status, error.code ?? error.type)
  const invoice = error instanceof PaymentRequired ? error : undefined
  return Response.json(invoice === undefined ? body : { ...body, l402: invoice.l402 }, {
    status: error.status,
    headers: {
      'x-request-id': c.get('requestId'),
      ...c.get('rateLimits'),
      ...errorHeaders(error),
      ...(invoice === undefined ? {} : { 'www-authenticate': invoice.challenge.header }),
      ...headers,
    },
  })
}

/** What a client hears of anything that was thrown; what is ours to repair is logged. */
export function knownError(services: EdgeServices, c: EdgeContext, error: unknown): ApiError {
  const apiError = error instanceof DbUnavailable ? recordsUnavailable() : toApiError(error)
  if (error !== apiError || apiError.cause !== undefined) {
    services.events.internalError(c.get('requestId'), error)
  }
  return apiError
}

/** What is asked for lies in Postgres, which does not answer. */
const recordsUnavailable = (): ApiError =>
  new ApiError({
    status: 503,
    type: 'server_error',
    code: 'records_unavailable',
    retryAfterMs: NO_PROVIDER_RETRY_AFTER_MS,
    message: 'Stored records cannot be read at the moment. Try again shortly.',
  })

/** Answers with JSON and logs it. */
export function answer(
  services: EdgeServices,
  c: EdgeContext,
  body: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  log(services, c, status)
  return Response.json(body, {
    status,
    headers: { 'x-request-id': c.get('requestId'), ...headers },
  })
}

/** Answers with JSON that is text already, byte for byte, and logs it. Nobody may keep a copy on the way. */
export function answerText(services: EdgeServices, c: EdgeContext, json: string): Response {
  log(services, c, 200)
  return new Response(json, {
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-request-id': c.get('requestId'),
    },
  })
}

function log(services: EdgeServices, c: EdgeContext, status: number, error?: string): void {
  const request = {
    method: c.req.method,
    path: c.req.path.slice(0, MAX_LOGGED_PATH_CHARS),
    status,
    request_id: c.get('requestId'),
    ms: services.now() - c.get('startedAt'),
    ...(error === undefined ? {} : { error }),
  }
  const { events } = services
  events.requestAnswered(request, events.tracing ? c.req.header('traceparent') : undefined)
}
