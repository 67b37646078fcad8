import { betaQuantile } from '../statistics/beta.ts'
import type { DecayedCounts } from './decayed-counts.ts'

/** A provider's true share is above its bound in 19 of 20 cases. */
const QUANTILE = 0.05
/** One good and one bad before anything is known: a uniform prior, Beta(1, 1). */
const PRIOR = 1

/**
 * The share of good that one can count on, 0 to 1: the 5 % quantile of Beta(1 + good, 1 + bad). Few
 * observations make it low, so that newcomers have to earn it. Takes up to milliseconds: keep the result.
 */
export const lowerBound = ({ good, bad }: Pick<DecayedCounts, 'good' | 'bad'>): number =>
  betaQuantile(QUANTILE, PRIOR + good, PRIOR + bad)
