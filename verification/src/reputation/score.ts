import type { DecayedCounts } from './decayed-counts.ts'
import { lowerBound } from './lower-bound.ts'

export interface Reputation {
  /** Audits: valid, and confirmed fails by their weight. */
  readonly integrity: DecayedCounts
  /** Jobs: finished, and timed out, failed or given up by the provider. */
  readonly completion: DecayedCounts
  /** Share of time, 0 to 1. */
  readonly uptime: number
  /** 1 for the class's median; see `speedFactor`. */
  readonly speed: number
}

/**
 * β: how much the price counts. At 1, half the price is twice the work; integrity counts squared, so that
 * nobody can buy trust with a discount.
 */
const PRICE_WEIGHT = 1

/**
 * The weight by which providers are drawn: integrity² · completion · √uptime · √speed / price^β. `price` is
 * in any unit that all share, such as msat per million tokens; what is free counts as 1.
 */
export function score(reputation: Reputation, price: number, priceWeight = PRICE_WEIGHT): number {
  const { integrity, completion, uptime, speed } = reputation
  const quality = lowerBound(integrity) ** 2 * lowerBound(completion) * Math.sqrt(uptime * speed)
  return quality / Math.max(1, price) ** priceWeight
}
