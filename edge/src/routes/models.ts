import { apiErrors } from '@infernet/openai-compat/api-errors'
import {
  modelObject,
  modelsList,
  type ServedModel as ListedModel,
} from '@infernet/openai-compat/models-list'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import type { ServedModel } from '../ports.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

/** GET /v1/models and /v1/models/{id}; ids may contain slashes. */
export function models(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.use(async (c, next) => {
    await services.keys.identify(c.req.header('authorization'))
    await next()
  })
  app.get('/', async (c) => {
    const directory = await services.hub.directory()
    return answer(services, c, modelsList(directory.models.map(listed)))
  })
  app.get('/:id{.+}', async (c) => {
    const id = c.req.param('id')
    const directory = await services.hub.directory()
    const model = directory.models.find((candidate) => candidate.id === id)
    if (model === undefined)
      throw apiErrors.modelNotFound(
        id,
        directory.models.map((served) => served.id),
      )
    return answer(services, c, modelObject(listed(model)))
  })
  return app
}

/** Prices on the wire are msat per token, as decimal strings; the cheapest provider's. */
function listed(model: ServedModel): ListedModel {
  return {
    id: model.id,
    created: Math.floor(model.since / 1000),
    ownedBy: 'infernet',
    contextLength: model.contextLength,
    pricing: {
      prompt: perToken(model.minPrice.prompt),
      completion: perToken(model.minPrice.completion),
    },
    providers: model.providers,
  }
}

/** Exact decimal of `perMillion / 1e6`. */
function perToken(perMillion: number): string {
  const digits = String(perMillion).padStart(7, '0')
  const decimal = `${digits.slice(0, -6)}.${digits.slice(-6)}`
  return decimal.replace(/\.?0+$/, '') || '0'
}
