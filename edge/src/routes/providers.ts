import { apiErrors } from '@infernet/openai-compat/api-errors'
import { isPeerId } from '@infernet/schemas/peer-id'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import { pageAfter, providerDetailJson, providerListJson } from '../reputation/provider-json.ts'
import { ProviderRanks } from '../reputation/provider-ranks.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'
import { pageLimit } from './page-limit.ts'

/** GET /v1/providers, the best first, and /v1/providers/{peer id}: how those who serve have done. */
export function providers(services: EdgeServices): Hono<EdgeEnv> {
  const { hub, now, providers: store, slashes } = services
  const ranks = new ProviderRanks({ hub, now, store })
  const app = new Hono<EdgeEnv>()
  app.use(async (c, next) => {
    await identify(services, c)
    await next()
  })
  app.get('/', async (c) => {
    const limit = pageLimit(c)
    const after = c.req.query('after') || undefined
    const found = pageAfter(await ranks.all(), { limit, after })
    if (found === undefined) {
      throw apiErrors.invalidRequest(
        `No provider with the id '${after?.slice(0, 80)}' is in this list.`,
        'after',
        'invalid_value',
      )
    }
    return answer(services, c, providerListJson(found.page, found.hasMore, now()))
  })
  app.get('/:id', async (c) => {
    const id = c.req.param('id')
    const figures = isPeerId(id) ? await ranks.find(id) : undefined
    if (figures === undefined) throw apiErrors.objectNotFound('provider', id)
    const { id: peer } = figures.record
    const [proven, shared, announcement] = await Promise.all([
      slashes.ofProvider(peer),
      hub.sharedGpusOf([peer]),
      store.announcementOf(peer),
    ])
    const details = { announcement, shared, slashes: proven }
    return answer(services, c, providerDetailJson(figures, details, now()))
  })
  return app
}
