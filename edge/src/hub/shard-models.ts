import type { ServedModel } from '../ports.ts'

/** One list of all shards' models: what a client may choose from, wherever its providers are. */
export function mergeModels(shards: Iterable<readonly ServedModel[]>): ServedModel[] {
  const merged = new Map<string, ServedModel>()
  for (const models of shards) {
    for (const model of models) {
      const known = merged.get(model.id)
      merged.set(model.id, known === undefined ? model : mergeModel(known, model))
    }
  }
  return [...merged.values()]
}

const mergeModel = (a: ServedModel, b: ServedModel): ServedModel => ({
  id: a.id,
  contextLength: Math.max(a.contextLength, b.contextLength),
  maxPrice: {
    prompt: Math.max(a.maxPrice.prompt, b.maxPrice.prompt),
    completion: Math.max(a.maxPrice.completion, b.maxPrice.completion),
  },
  minPrice: {
    prompt: Math.min(a.minPrice.prompt, b.minPrice.prompt),
    completion: Math.min(a.minPrice.completion, b.minPrice.completion),
  },
  providers: a.providers + b.providers,
  capabilities: union(a.capabilities, b.capabilities),
  endpoints: union(a.endpoints, b.endpoints),
  quantizations: union(a.quantizations, b.quantizations),
  since: Math.min(a.since, b.since),
})

const union = <T>(a: readonly T[], b: readonly T[]): T[] => [...new Set([...a, ...b])]
