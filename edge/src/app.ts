import { apiErrors } from '@infernet/openai-compat/api-errors'
import { newRequestId } from '@infernet/schemas/ids'
import { Hono } from 'hono'
import { knownError, refuse } from './answers.ts'
import { allowBrowsers } from './cors.ts'
import { inferenceRoute } from './inference/inference-route.ts'
import { messages } from './inference/messages-api.ts'
import { chatCompletions, completions, embeddings } from './inference/openai-apis.ts'
import { responsesApi } from './inference/responses-api.ts'
import { auditEpochs } from './routes/audit-epochs.ts'
import { calibrations } from './routes/calibrations.ts'
import { consolePage } from './routes/console.ts'
import { credits } from './routes/credits.ts'
import { earnings } from './routes/earnings.ts'
import { edgeKeyRoute } from './routes/edge-key.ts'
import { generation } from './routes/generation.ts'
import { health } from './routes/health.ts'
import { keyInfo } from './routes/key-info.ts'
import { l402 } from './routes/l402.ts'
import { models } from './routes/models.ts'
import { openApi } from './routes/openapi.ts'
import { operator } from './routes/operator.ts'
import { pricedJobs } from './routes/priced-jobs.ts'
import { providers } from './routes/providers.ts'
import { receipts } from './routes/receipts.ts'
import { selfTest } from './routes/self-test.ts'
import { slashes } from './routes/slashes.ts'
import { topUps } from './routes/top-ups.ts'
import { usage } from './routes/usage.ts'
import { withdrawals } from './routes/withdrawals.ts'
import { storedResponses } from './routes/stored-responses.ts'
import type { EdgeEnv, EdgeServices } from './services.ts'

/** The HTTP application; it knows no platform. */
export function createApp(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.use(async (c, next) => {
    c.set('startedAt', services.now())
    c.set('requestId', newRequestId(services.now()))
    await next()
  })
  app.use(allowBrowsers)
  const api = clientApi(services)
  app.route('/v1', api)
  app.route('/operator', operator(services))
  app.route('/', consolePage())
  app.route('/', health(services))
  app.route('/', openApi(services))
  // Engines answer without the prefix too, and some clients are configured so.
  app.route('/', api)
  app.notFound((c) => refuse(services, c, apiErrors.notFound(c.req.method, c.req.path)))
  app.onError((error, c) => refuse(services, c, knownError(services, c, error)))
  return app
}

/** What clients use, under `/v1` and without it. */
function clientApi(services: EdgeServices): Hono<EdgeEnv> {
  const api = new Hono<EdgeEnv>()
  const posts = {
    '/chat/completions': chatCompletions,
    '/completions': completions,
    '/embeddings': embeddings,
    '/responses': responsesApi(services),
    '/messages': messages,
  }
  for (const [path, clientApi] of Object.entries(posts)) {
    api.post(path, inferenceRoute(services, clientApi))
    api.all(path, (c) =>
      refuse(services, c, apiErrors.methodNotAllowed(c.req.method, ['POST']), { allow: 'POST' }),
    )
  }
  api.route('/responses', storedResponses(services))
  api.route('/models', models(services))
  api.route('/providers', earnings(services))
  api.route('/providers', selfTest(services))
  api.route('/providers', providers(services))
  api.route('/generation', generation(services))
  api.route('/receipts', receipts(services))
  api.route('/edge-key', edgeKeyRoute(services))
  api.route('/slashes', slashes(services))
  api.route('/audit-epochs', auditEpochs(services))
  api.route('/calibrations', calibrations(services))
  api.route('/credits', credits(services))
  api.route('/usage', usage(services))
  api.route('/jobs', pricedJobs(services))
  api.route('/billing/topups', topUps(services))
  api.route('/billing/withdrawals', withdrawals(services))
  api.route('/l402', l402(services))
  api.route('/', keyInfo(services))
  return api
}
