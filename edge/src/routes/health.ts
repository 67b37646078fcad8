import { apiErrors } from '@infernet/openai-compat/api-errors'
import { Hono } from 'hono'
import type { EdgeEnv, EdgeServices } from '../services.ts'
import { isOperator } from '../auth/is-operator.ts'

/** /healthz: the process answers. /readyz: it can do its work. /metrics: Prometheus text. */
export function health(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.get('/readyz', async (c) => {
    const [database, directory] = await Promise.allSettled([
      services.store.ping(),
      services.hub.directory(),
    ])
    const checks = {
      database: database.status === 'fulfilled' ? 'ok' : 'unreachable',
      hub: directory.status === 'fulfilled' ? 'ok' : 'unreachable',
      models: directory.status === 'fulfilled' ? directory.value.models.length : 0,
    }
    const ready = checks.database === 'ok' && checks.hub === 'ok'
    return c.json({ status: ready ? 'ready' : 'not_ready', ...checks }, ready ? 200 : 503)
  })
  app.get('/metrics', async (c) => {
    if (!services.openMetrics && !isOperator(services, c))
      throw apiErrors.notFound('GET', '/metrics')
    return c.text(await services.hub.metrics(), 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    })
  })
  return app
}
