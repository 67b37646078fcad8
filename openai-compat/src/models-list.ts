/** Prices as decimal strings per token (or per request), in the currency the deployment quotes. */
export interface ModelPricing {
  prompt: string
  completion: string
  request?: string
}

/** What is known about one served model. `created` is in Unix seconds. */
export interface ServedModel {
  id: string
  created: number
  ownedBy: string
  /** Tokens of prompt and answer together; the largest among its providers. */
  contextLength: number
  pricing: ModelPricing
  /** Providers that serve it now. */
  providers: number
}

/** A model on the wire: OpenAI's Model with OpenRouter's extras. */
export interface ModelObject {
  id: string
  object: 'model'
  created: number
  owned_by: string
  context_length: number
  pricing: ModelPricing
  providers: number
}

/** The body of GET /v1/models/{id}. */
export function modelObject(model: ServedModel): ModelObject {
  return {
    id: model.id,
    object: 'model',
    created: model.created,
    owned_by: model.ownedBy,
    context_length: model.contextLength,
    pricing: model.pricing,
    providers: model.providers,
  }
}

/** The body of GET /v1/models, sorted by id so that two edges give the same answer. */
export function modelsList(models: readonly ServedModel[]): {
  object: 'list'
  data: ModelObject[]
} {
  const sorted = models.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return { object: 'list', data: sorted.map(modelObject) }
}
