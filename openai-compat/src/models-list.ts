import { MAX_OUTPUT_TOKENS } from '@infernet/schemas/limits'
import type { Endpoint } from '@infernet/schemas/wire'
import { supportedParameters } from './parameter-table.ts'

/** Prices per token, as decimal strings in the currency the deployment quotes. */
export interface ModelPricing {
  readonly prompt: string
  readonly completion: string
}

/** What is known about one served model. */
export interface ServedModel {
  readonly id: string
  /** Unix seconds. */
  readonly created: number
  readonly ownedBy: string
  /** Tokens of prompt and answer together; the largest among its providers. */
  readonly contextLength: number
  /** The cheapest provider's. */
  readonly pricing: ModelPricing
  /** What some provider of it can do. */
  readonly capabilities: readonly string[]
  readonly endpoints: readonly Endpoint[]
  /** Weight formats that its providers declare. */
  readonly quantizations: readonly string[]
  /** Providers that serve it now. */
  readonly providers: number
}

/** One provider of a model. */
export interface ServingProvider {
  /** Peer id: what `provider.order` and its kin name. */
  readonly peer: string
  readonly pricing: ModelPricing
  readonly quantization: string | undefined
  readonly contextLength: number
  readonly capabilities: readonly string[]
  readonly endpoints: readonly Endpoint[]
  /** Median seconds to the first token; undefined before anything was measured, like the next two. */
  readonly latencyP50: number | undefined
  /** Median output tokens per second. */
  readonly throughputP50: number | undefined
  /** Share of jobs that did not fail, 0 to 1. */
  readonly uptime: number | undefined
  /** Takes jobs now: connected, not draining, a slot free. */
  readonly available: boolean
}

/** Nothing here costs per request or per image. */
const NO_OTHER_PRICES = { request: '0', image: '0' } as const

/** OpenRouter's numbers: 0 is well, below 0 is not to be counted on. */
const STATUS = { available: 0, unavailable: -1 } as const

/** The capabilities that are kinds of input, in OpenRouter's words for those. */
const INPUTS: readonly (readonly [capability: string, modality: string])[] = [
  ['vision', 'image'],
  ['audio', 'audio'],
  ['files', 'file'],
]

function architecture({
  capabilities,
  endpoints,
}: Pick<ServedModel, 'capabilities' | 'endpoints'>) {
  const inputs = INPUTS.filter(([capability]) => capabilities.includes(capability))
  const input = ['text', ...inputs.map(([, modality]) => modality)]
  const output = [
    ...(endpoints.some((endpoint) => endpoint !== 'embeddings') ? ['text'] : []),
    ...(endpoints.includes('embeddings') ? ['embeddings'] : []),
  ]
  return {
    modality: `${input.join('+')}->${output.join('+')}`,
    input_modalities: input,
    output_modalities: output,
  }
}

/** Null where nothing is generated. */
function maxCompletionTokens(endpoints: readonly Endpoint[], contextLength: number): number | null {
  const generates = endpoints.some((endpoint) => endpoint !== 'embeddings')
  return generates ? Math.min(contextLength, MAX_OUTPUT_TOKENS) : null
}

/** A model on the wire: OpenAI's Model with OpenRouter's extras, and ours at the end. */
export type ModelObject = ReturnType<typeof modelObject>

/** The body of GET /v1/models/{id}. */
export function modelObject(model: ServedModel) {
  const { id, contextLength, capabilities, endpoints } = model
  return {
    id,
    object: 'model' as const,
    canonical_slug: id,
    name: id,
    created: model.created,
    owned_by: model.ownedBy,
    context_length: contextLength,
    architecture: architecture(model),
    pricing: { ...model.pricing, ...NO_OTHER_PRICES },
    top_provider: {
      context_length: contextLength,
      max_completion_tokens: maxCompletionTokens(endpoints, contextLength),
      is_moderated: false,
    },
    per_request_limits: null,
    supported_parameters: supportedParameters(endpoints, capabilities),
    capabilities: [...capabilities].sort(),
    endpoints: [...endpoints].sort(),
    quantizations: [...model.quantizations].sort(),
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

function providerObject(model: string, provider: ServingProvider) {
  const { peer, contextLength, capabilities, endpoints } = provider
  return {
    name: `${peer} | ${model}`,
    provider_name: peer,
    model_id: model,
    context_length: contextLength,
    max_completion_tokens: maxCompletionTokens(endpoints, contextLength),
    max_prompt_tokens: contextLength,
    pricing: { ...provider.pricing, ...NO_OTHER_PRICES },
    quantization: provider.quantization ?? 'unknown',
    supported_parameters: supportedParameters(endpoints, capabilities),
    capabilities: [...capabilities].sort(),
    endpoints: [...endpoints].sort(),
    latency: median(provider.latencyP50),
    throughput: median(provider.throughputP50),
    uptime: provider.uptime ?? null,
    status: provider.available ? STATUS.available : STATUS.unavailable,
  }
}

/** In the form of `provider.preferred_max_latency` and `preferred_min_throughput`. */
const median = (p50: number | undefined): { p50: number } | null =>
  p50 === undefined ? null : { p50 }

/** The body of GET /v1/models/{id}/endpoints, sorted by provider. */
export function modelEndpoints(model: ServedModel, providers: readonly ServingProvider[]) {
  const sorted = providers.toSorted((a, b) => (a.peer < b.peer ? -1 : 1))
  return {
    data: {
      id: model.id,
      name: model.id,
      created: model.created,
      architecture: architecture(model),
      endpoints: sorted.map((provider) => providerObject(model.id, provider)),
    },
  }
}
