import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { isPeerId } from '@infernet/schemas/peer-id'
import { selfTestRequest } from '@infernet/schemas/self-test'
import { Hono } from 'hono'
import { answerText } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import { signedBy } from '../auth/provider-request.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

/**
 * POST /v1/providers/{peer id}/self-test: gives a provider a small job to try, unpaid, for itself alone: it signs the
 * request with its key. The answer says which stages the job has reached.
 */
export function selfTest(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.post('/:id/self-test', async (c) => {
    const id = c.req.param('id')
    // The name that it dialled, as its login is bound to.
    const signer = await signedBy(services, c, selfTestRequest(new URL(c.req.url).hostname))
    if (signer === undefined) await identify(services, c)
    if (!isPeerId(id)) throw apiErrors.objectNotFound('provider', id)
    if (signer !== id) throw notTheProvider(id)
    const outcome = await services.hub.selfTest(id)
    if (outcome.object === 'too_soon') throw tooSoon(outcome.waitMs)
    return answerText(services, c, JSON.stringify(outcome))
  })
  return app
}

const notTheProvider = (id: string): ApiError =>
  new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'not_the_provider',
    message: `Only ${id} itself may have itself tested: infernet-agent doctor.`,
  })

const tooSoon = (waitMs: number): ApiError =>
  new ApiError({
    status: 429,
    type: 'rate_limit_error',
    code: 'too_many_self_tests',
    retryAfterMs: waitMs,
    message: `A provider is tested once in 10 s and 100 times a day. Try again in ${Math.ceil(waitMs / 1000)} s.`,
  })
