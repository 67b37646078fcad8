import { apiErrors } from '@infernet/openai-compat/api-errors'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

/** GET /v1/edge-key, for anybody: the key that countersigns receipts, as a peer id to pin. */
export function edgeKeyRoute(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/', async (c) => {
    const signer = await services.audit?.signer()
    if (signer === undefined) throw apiErrors.notFound(c.req.method, c.req.path)
    return answer(services, c, { object: 'edge_key', issuer: signer.peer })
  })
  return app
}
