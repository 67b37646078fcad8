import { apiErrors } from '@infernet/openai-compat/api-errors'
import {
  modelEndpoints,
  modelObject,
  modelsList,
  type ServedModel as ListedModel,
} from '@infernet/openai-compat/models-list'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import type { ServedModel } from '../ports.ts'
import { priceJson } from '../price-json.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'
import { unixSeconds } from '../unix-seconds.ts'

/** GET /v1/models, /v1/models/{id} and /v1/models/{id}/endpoints; ids may contain slashes. */
export function models(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.use(async (c, next) => {
    await identify(services, c)
    await next()
  })
  app.get('/', async (c) => {
    const directory = await services.hub.directory()
    return answer(services, c, modelsList(directory.models.map(listed)))
  })
  // Not `.+`: Hono takes exactly that for the whole rest of a path, and would never come here.
  app.get('/:id{.+?}/endpoints', async (c) => {
    const model = await find(services, c.req.param('id'))
    const providers = await services.hub.providersOf(model.id)
    const serving = providers.map((view) => ({ ...view, pricing: priceJson(view.price) }))
    return answer(services, c, modelEndpoints(listed(model), serving))
  })
  app.get('/:id{.+}', async (c) => {
    return answer(services, c, modelObject(listed(await find(services, c.req.param('id')))))
  })
  return app
}

/** Throws ApiError 404 for a model that nobody serves now. */
async function find({ hub }: EdgeServices, id: string): Promise<ServedModel> {
  const { models } = await hub.directory()
  const model = models.find((candidate) => candidate.id === id)
  if (model !== undefined) return model
  throw apiErrors.modelNotFound(
    id,
    models.map((served) => served.id),
  )
}

/** Prices on the wire are msat per token, as decimal strings; the cheapest provider's. */
function listed(model: ServedModel): ListedModel {
  return {
    id: model.id,
    created: unixSeconds(model.since),
    ownedBy: 'infernet',
    contextLength: model.contextLength,
    pricing: priceJson(model.minPrice),
    capabilities: model.capabilities,
    endpoints: model.endpoints,
    quantizations: model.quantizations,
    providers: model.providers,
  }
}
