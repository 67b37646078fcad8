import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { InferenceRequest } from '@infernet/openai-compat/inference-request'
import { resolveAlias } from '@infernet/openai-compat/model-aliases'
import { splitModelName, type ModelSort } from '@infernet/openai-compat/model-name'
import { NO_PROVIDER_RETRY_AFTER_MS } from '../limits.ts'
import type { Directory, ServedModel } from '../ports.ts'

/** A model that is served now, and how the name it was asked for by wants its providers sorted. */
export interface ModelChoice {
  readonly model: ServedModel
  readonly sort: ModelSort | undefined
}

/**
 * The models to try, in the client's order: `model`, then `models[]`, each an exact name, a name
 * with `:floor` or `:nitro`, or an alias. Throws ApiError when none is served: 503 when one of them
 * has been, else 404. `unserved` hears of every name that nobody serves.
 */
export function servedModels(
  directory: Directory,
  request: InferenceRequest,
  unserved: (name: string, known: boolean) => void,
): ModelChoice[] {
  const choices: ModelChoice[] = []
  let offline: string | undefined
  for (const name of [request.model, ...request.fallbackModels]) {
    const choice = choose(directory, name, request)
    if (choice === undefined) {
      const known = directory.offline.includes(name)
      unserved(name, known)
      if (known) offline ??= name
    } else if (!choices.some(({ model }) => model === choice.model)) choices.push(choice)
  }
  if (choices.length > 0) return choices
  if (offline !== undefined) throw apiErrors.noProvider(offline, NO_PROVIDER_RETRY_AFTER_MS)
  throw apiErrors.modelNotFound(
    request.model,
    directory.models.map((model) => model.id),
  )
}

function choose(
  { models }: Directory,
  name: string,
  request: InferenceRequest,
): ModelChoice | undefined {
  const exact = models.find(({ id }) => id === name)
  if (exact !== undefined) return { model: exact, sort: undefined }
  const { model: plain, sort } = splitModelName(name)
  const id = models.some((model) => model.id === plain)
    ? plain
    : resolveAlias(plain, models, request)
  const model = models.find((candidate) => candidate.id === id)
  return model && { model, sort }
}
