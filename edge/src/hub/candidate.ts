import {
  CAPABILITIES,
  ENDPOINTS,
  type CapabilityName,
  type Endpoint,
  type ModelOffer,
  type Price,
} from '@infernet/schemas/wire'
import type { ProviderStats } from './provider-stats.ts'

/** What an offer can do, whatever it costs and however busy its provider is. */
export interface OfferProfile {
  /** A bit for each of `ENDPOINTS`. */
  readonly endpoints: number
  /** A bit for each of `CAPABILITIES`. */
  readonly capabilities: number
  /** In lower case; empty when the provider does not say. */
  readonly quantization: string
  /** The owner says that prompts may be kept. */
  readonly keepsPrompts: boolean
  /** It says what it runs, so that its answers can be audited. */
  readonly isVerifiable: boolean
}

/** What matching knows of a provider that serves the wanted model. */
export interface Candidate {
  readonly peer: string
  readonly slots: number
  /** Jobs this hub gave it and has not seen end. */
  readonly inFlight: number
  /** Jobs it reported running for anyone, and those waiting in its engine. */
  readonly reported: number
  /** Share of its engine's key-value cache in use, as it says; 0 where it does not. */
  readonly kvUse: number
  /** It asked for no more jobs. */
  readonly draining: boolean
  /** Its socket does not drain. */
  readonly blocked: boolean
  /** ms since the epoch: it said that it can take nothing before. */
  readonly busyUntil: number
  readonly price: Price
  readonly profile: OfferProfile
  /** Undefined until it has had a job. */
  readonly stats: ProviderStats | undefined
  /** How far its answers have proven to be what they should be, 0 to 1; see `reputationWeight`. */
  readonly trust: number
}

export const profileOf = (offer: ModelOffer, dataCollection: 'allow' | 'deny'): OfferProfile => ({
  endpoints: endpointBits(offer.endpoints),
  capabilities: capabilityBits(offer.capabilities),
  quantization: offer.quantization?.toLowerCase() ?? '',
  keepsPrompts: dataCollection === 'allow',
  isVerifiable: offer.spec !== undefined,
})

/** Up to this share a key-value cache holds nobody up: engines keep in it what they can. */
const ROOMY_CACHE = 0.7

/**
 * Share of its slots in use, or of the last part of its cache if that is more; above 1 when its engine
 * queues.
 */
export const loadOf = (candidate: Candidate): number =>
  Math.max(
    Math.max(candidate.inFlight, candidate.reported) / candidate.slots,
    (candidate.kvUse - ROOMY_CACHE) / (1 - ROOMY_CACHE),
  )

/** Whether it can take a job at `now`, ms since the epoch. */
export const hasRoom = (candidate: Candidate, now: number): boolean =>
  candidate.inFlight < candidate.slots && !candidate.blocked && candidate.busyUntil <= now

/** Prompt tokens for each completion token, as prices are compared: the usual mix of a chat. */
const PROMPT_SHARE = 3

/** One number to compare prices by, in msat per million tokens times {@link PROMPT_SHARE} + 1. */
export const blendedPrice = (price: Price): number => PROMPT_SHARE * price.prompt + price.completion

const bitsFrom = <Name extends string>(
  all: readonly Name[],
): ((names: readonly Name[]) => number) => {
  const bits = new Map(all.map((name, index) => [name, 1 << index]))
  return (names) => names.reduce((sum, name) => sum | (bits.get(name) ?? 0), 0)
}

export const endpointBits: (names: readonly Endpoint[]) => number = bitsFrom(ENDPOINTS)
export const capabilityBits: (names: readonly CapabilityName[]) => number = bitsFrom(CAPABILITIES)
