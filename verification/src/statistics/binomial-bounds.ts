import { betaQuantile } from './beta.ts'

/** One-sided 95 %. */
const WILSON_Z = 1.645

/**
 * Clopper and Pearson's (1934) upper bound of a probability that showed `hits` times in `trials`: it is
 * too low with a chance of at most 1 - confidence, whatever the probability. The same bound holds for
 * the tail beyond an order statistic that was chosen by its rank (Wilks 1941: Beta(hits + 1,
 * trials - hits)). Counts may be fractions, as of effective sample sizes.
 */
export function clopperPearsonUpper(hits: number, trials: number, confidence: number): number {
  return hits >= trials ? 1 : betaQuantile(confidence, hits + 1, trials - hits)
}

/**
 * Wilson's (1927) lower bound of a probability, 95 % one-sided unless told:
 * (p + z²/2n - z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). Closed, and 0 where nothing was hit.
 */
export function wilsonLowerBound(hits: number, trials: number, z = WILSON_Z): number {
  if (hits <= 0) return 0
  const p = hits / trials
  const weight = (z * z) / trials
  const spread = z * Math.sqrt((p * (1 - p)) / trials + weight / (4 * trials))
  return Math.max(0, (p + weight / 2 - spread) / (1 + weight))
}
