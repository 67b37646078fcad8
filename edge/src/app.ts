import { errorEnvelope, errorHeaders, type ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors, toApiError } from '@infernet/openai-compat/api-errors'
import { newRequestId, type RequestId } from '@infernet/schemas/ids'
import { Hono, type Context } from 'hono'
import type { KeyRing } from './auth/key-ring.ts'
import type { EdgeEvents } from './events.ts'
import type { AccountPort, HubPort, StorePort } from './ports.ts'
import { chatCompletions } from './routes/chat-completions.ts'
import { health } from './routes/health.ts'
import { models } from './routes/models.ts'
import { operator } from './routes/operator.ts'
import { receipts } from './routes/receipts.ts'

/** All that the routes use; a host makes it once. */
export interface EdgeServices {
  readonly hub: HubPort
  readonly accounts: AccountPort
  readonly store: StorePort
  readonly keys: KeyRing
  readonly events: EdgeEvents
  readonly now: () => number
  /** Absent: the operator API answers 404. */
  readonly operatorToken: string | undefined
  /** Whether anyone may read /metrics; else the operator's token is needed. */
  readonly openMetrics: boolean
}

export interface EdgeEnv {
  Variables: { requestId: RequestId; startedAt: number }
}
export type EdgeContext = Context<EdgeEnv>

/** The HTTP application; it knows no platform. */
export function createApp(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.use(async (c, next) => {
    c.set('startedAt', services.now())
    c.set('requestId', newRequestId(services.now()))
    await next()
  })
  app.post('/v1/chat/completions', chatCompletions(services))
  app.route('/v1/models', models(services))
  app.route('/v1/receipts', receipts(services))
  app.route('/operator', operator(services))
  app.route('/', health(services))
  app.all('/v1/chat/completions', (c) => refuse(services, c, apiErrors.methodNotAllowed(c.req.method, ['POST']), { allow: 'POST' }))
  app.notFound((c) => refuse(services, c, apiErrors.notFound(c.req.method, c.req.path)))
  app.onError((error, c) => {
    const apiError = toApiError(error)
    if (apiError.status >= 500) services.events.internalError(c.get('requestId'), error)
    return refuse(services, c, apiError)
  })
  return app
}

/** Answers with an error in OpenAI's envelope, and logs it. */
export function refuse(
  services: EdgeServices,
  c: EdgeContext,
  error: ApiError,
  headers: Readonly<Record<string, string>> = {},
): Response {
  services.events.requestAnswered({
    method: c.req.method,
    path: c.req.path.slice(0, 200),
    status: error.status,
    request_id: c.get('requestId'),
    ms: services.now() - c.get('startedAt'),
    error: error.code ?? error.type,
  })
  return Response.json(errorEnvelope(error), {
    status: error.status,
    headers: { 'x-request-id': c.get('requestId'), ...errorHeaders(error), ...headers },
  })
}

/** Answers with JSON and logs it. */
export function answer(services: EdgeServices, c: EdgeContext, body: unknown, status = 200): Response {
  services.events.requestAnswered({
    method: c.req.method,
    path: c.req.path.slice(0, 200),
    status,
    request_id: c.get('requestId'),
    ms: services.now() - c.get('startedAt'),
  })
  return Response.json(body, { status, headers: { 'x-request-id': c.get('requestId') } })
}
