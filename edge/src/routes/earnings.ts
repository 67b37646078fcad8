import { earningsRequest } from '@infernet/schemas/provider-earnings'
import { Hono } from 'hono'
import { answerText } from '../answers.ts'
import { signedByItself } from '../auth/provider-request.ts'
import { earningsJson } from '../earnings/earnings-json.ts'
import { RecentEarnings } from '../earnings/recent-earnings.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

/**
 * GET /v1/providers/{peer id}/earnings: what a provider has earned and been paid, for itself alone: it signs the
 * request with its key.
 */
export function earnings(services: EdgeServices): Hono<EdgeEnv> {
  const recent = new RecentEarnings(services.earnings, services.now)
  const app = new Hono<EdgeEnv>()
  app.get('/:id/earnings', async (c) => {
    const id = await signedByItself(services, c, {
      id: c.req.param('id'),
      about: earningsRequest,
      what: 'see what it has earned: infernet-agent earnings',
    })
    const [found, node] = await Promise.all([recent.of(id), services.billing.node()])
    return answerText(services, c, JSON.stringify(earningsJson(id, found, node)))
  })
  return app
}
