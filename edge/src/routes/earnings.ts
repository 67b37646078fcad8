import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { isPeerId } from '@infernet/schemas/peer-id'
import { earningsRequest } from '@infernet/schemas/provider-earnings'
import { Hono } from 'hono'
import { answerText } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import { signedBy } from '../auth/provider-request.ts'
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
    const id = c.req.param('id')
    // The name that it dialled, as its login is bound to.
    const signer = await signedBy(services, c, earningsRequest(new URL(c.req.url).hostname))
    if (signer === undefined) await identify(services, c)
    if (!isPeerId(id)) throw apiErrors.objectNotFound('provider', id)
    if (signer !== id) throw notTheProvider(id)
    const [found, node] = await Promise.all([recent.of(id), services.billing.node()])
    return answerText(services, c, JSON.stringify(earningsJson(id, found, node)))
  })
  return app
}

const notTheProvider = (id: string): ApiError =>
  new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'not_the_provider',
    message: `Only ${id} itself may see what it has earned: infernet-agent earnings.`,
  })
