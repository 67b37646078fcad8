import type { CapabilityName, Endpoint, Price } from '@infernet/schemas/wire'

/**
 * Which providers may take a job, and which of them the client would rather have. Made from the
 * request by the route; plain data, because it travels with the order.
 */
export interface MatchRules {
  readonly endpoint: Endpoint
  /** All of these; a provider that does not declare one cannot serve the request. */
  readonly needs: readonly CapabilityName[]
  /** No provider dearer than this, per token kind: the hold was computed from it. */
  readonly maxPrice: Price
  /** Peer ids. Tried first, in this order; with `allowFallbacks: false` nobody else is. */
  readonly order: readonly string[]
  /** Peer ids; when present, nobody else. */
  readonly only: readonly string[] | undefined
  /** Peer ids that must not have it. */
  readonly ignore: readonly string[]
  readonly allowFallbacks: boolean
  /** Takes the best by this measure instead of balancing. */
  readonly sort: 'price' | 'throughput' | 'latency' | undefined
  /** Preferred: tokens per second. Slower providers come last. */
  readonly minThroughput: number | undefined
  /** Preferred: ms to the first byte. Slower providers come last. */
  readonly maxLatencyMs: number | undefined
  /** When present, only offers that declare one of these weight formats, in lower case. */
  readonly quantizations: readonly string[] | undefined
  /** Only providers that declare not to keep prompts. */
  readonly noDataCollection: boolean
  /** Only offers whose answers can be audited. */
  readonly verifiableOnly: boolean
}

/** What a request without preferences asks for. */
export const plainRules = (
  endpoint: Endpoint,
  maxPrice: Price,
  needs: readonly CapabilityName[] = [],
): MatchRules => ({
  endpoint,
  needs,
  maxPrice,
  order: [],
  only: undefined,
  ignore: [],
  allowFallbacks: true,
  sort: undefined,
  minThroughput: undefined,
  maxLatencyMs: undefined,
  quantizations: undefined,
  noDataCollection: false,
  verifiableOnly: false,
})
