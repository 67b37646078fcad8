import { ApiError } from '@infernet/openai-compat/api-error'
import { Hono } from 'hono'
import { z } from 'zod'
import { answer } from '../answers.ts'
import { operatorSlashJson } from '../audit/slash-json.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'
import { readJson } from './read-json.ts'
import { slashesAsked, slashIn } from './slashes.ts'

const querySchema = z.object({
  provider: z.string().optional(),
  state: z.enum(['open', 'appealed', 'due', 'final', 'lifted']).optional().catch(undefined),
})
const decisionSchema = z.strictObject({ decision: z.enum(['upheld', 'denied']) })

/** Slashes as the operator sees them, with what their providers say; and the operator's word on that. */
export function operatorSlashes(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/', async (c) => {
    const { provider, state } = querySchema.parse(c.req.query())
    if (provider === undefined && state !== undefined) {
      const waiting = await services.slashes.inState(state)
      return answer(services, c, { object: 'list', data: waiting.map(operatorSlashJson) })
    }
    const all = await slashesAsked(services, c)
    const wanted = all.filter((slash) => state === undefined || slash.state === state)
    return answer(services, c, { object: 'list', data: wanted.map(operatorSlashJson) })
  })
  app.get('/:id', async (c) => answer(services, c, operatorSlashJson(await slashIn(services, c))))
  app.post('/:id', async (c) => {
    const { decision } = await readJson(c, decisionSchema)
    const { id } = await slashIn(services, c)
    const isTaken = await services.slashes.decide(id, decision, services.now())
    const slash = await slashIn(services, c)
    if (!isTaken) throw nothingToDecide(slash)
    return answer(services, c, operatorSlashJson(slash))
  })
  return app
}

const nothingToDecide = ({
  id,
  state,
}: {
  readonly id: string
  readonly state: string
}): ApiError =>
  new ApiError({
    status: 409,
    type: 'invalid_request_error',
    code: 'no_appeal',
    message: `There is no appeal against ${id} to decide about: it is ${state}.`,
  })
