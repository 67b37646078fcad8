import { apiErrors, toApiError } from '@infernet/openai-compat/api-errors'
import { newRequestId } from '@infernet/schemas/ids'
import { Hono } from 'hono'
import { refuse } from './answers.ts'
import { chatCompletions } from './routes/chat-completions.ts'
import { health } from './routes/health.ts'
import { models } from './routes/models.ts'
import { operator } from './routes/operator.ts'
import { receipts } from './routes/receipts.ts'
import type { EdgeEnv, EdgeServices } from './services.ts'

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
  app.all('/v1/chat/completions', (c) =>
    refuse(services, c, apiErrors.methodNotAllowed(c.req.method, ['POST']), { allow: 'POST' }),
  )
  app.notFound((c) => refuse(services, c, apiErrors.notFound(c.req.method, c.req.path)))
  app.onError((error, c) => {
    const apiError = toApiError(error)
    if (apiError.status >= 500) services.events.internalError(c.get('requestId'), error)
    return refuse(services, c, apiError)
  })
  return app
}
