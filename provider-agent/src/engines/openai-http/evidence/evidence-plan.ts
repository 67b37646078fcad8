import type { ModelSpec } from '@infernet/schemas/model-spec'
import type { Claim } from '@infernet/schemas/transcript'
import type { Endpoint } from '@infernet/schemas/wire'

/** Servers that show how they answer. */
export type ShowingKind = 'vllm' | 'llama-server'

/** What a server draws tokens with where the request does not say. */
export type SamplerDefaults = Omit<Claim['sampler'], 'seed'>

/** Where a server was seen to render as it answers. */
export interface SeenRendering {
  readonly prompts: readonly Endpoint[]
  /** Some of `prompts`. */
  readonly texts: readonly Endpoint[]
}

/** How answers of one model are shown, as found out when it was first seen. */
export interface EvidencePlan {
  readonly kind: ShowingKind
  readonly spec: ModelSpec
  /** The rule that its draws were seen to follow. */
  readonly replay: Claim['replay']
  /** Undefined: nobody knows. */
  readonly defaults: SamplerDefaults | undefined
  /** Candidates that it tells of each token. */
  readonly candidates: number
  /** Where it takes what has to be asked beside the request. */
  readonly endpoints: readonly Endpoint[]
  /** Undefined until it has been tried. */
  readonly rendering?: SeenRendering
  /** Bytes of weights that each token reads at the least, where the file could be read. */
  readonly tokenBytes?: number | undefined
}
