import { ApiError } from '@infernet/openai-compat/api-error'
import { selfTestRequest } from '@infernet/schemas/self-test'
import { Hono } from 'hono'
import { answerText } from '../answers.ts'
import { signedByItself } from '../auth/provider-request.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

/**
 * POST /v1/providers/{peer id}/self-test: gives a provider a small job to try, unpaid, for itself alone: it signs the
 * request with its key. The answer says which stages the job has reached.
 */
export function selfTest(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.post('/:id/self-test', async (c) => {
    const id = await signedByItself(services, c, {
      id: c.req.param('id'),
      about: selfTestRequest,
      what: 'have itself tested: infernet-agent doctor',
    })
    const outcome = await services.hub.selfTest(id)
    if (outcome.object === 'too_soon') throw tooSoon(outcome.waitMs)
    return answerText(services, c, JSON.stringify(outcome))
  })
  return app
}

const tooSoon = (waitMs: number): ApiError =>
  new ApiError({
    status: 429,
    type: 'rate_limit_error',
    code: 'too_many_self_tests',
    retryAfterMs: waitMs,
    message: `A provider is tested once in 10 s and 100 times a day. Try again in ${Math.ceil(waitMs / 1000)} s.`,
  })
