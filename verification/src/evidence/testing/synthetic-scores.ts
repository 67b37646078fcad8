import type { Scores } from '../calibration.ts'

export type Random = () => number

/** Mulberry32: uniform in [0, 1), the same for a seed everywhere. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Standard normal, by Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Shares of mismatches as simulated for a Gumbel sampler over 48 tokens, noise 0.03 on each logit. */
const HONEST_MISMATCHES = 0.0155
const EXCESS_NATS = 0.035
const LP_NATS = 0.03

export interface Behaviour {
  /** Strength of the logits' noise, 1 is honest: q8_0 1.25, fp8 2.1, q4_0 6. */
  readonly noise: number
  /** The claimed logprobs are those of the right model all the same. */
  readonly forged?: boolean
  /** Tokens drawn with another seed, or taken from another answer: so many are off, by nats. */
  readonly otherSeed?: boolean
}
export const HONEST: Behaviour = { noise: 1 }
/** Off by nats in most places: another answer, or another model's. */
const OTHER_SEED = { mismatches: 0.73, nats: 1.5 }

/**
 * Scores of one answer. A difference of logprobs is the mean of eight candidates'. Noise n times as
 * strong makes n times as many mismatches that are n times as far off.
 */
export function scoresOf(random: Random, tokens: number, behaviour: Behaviour): Scores {
  const { noise, forged = false, otherSeed = false } = behaviour
  const mismatches = otherSeed ? OTHER_SEED.mismatches : HONEST_MISMATCHES * noise
  const nats = otherSeed ? OTHER_SEED.nats : EXCESS_NATS * noise
  const excess = Array.from({ length: tokens }, () =>
    random() < mismatches ? -nats * Math.log(1 - random()) : 0,
  )
  const lpNats = LP_NATS * (forged ? 1 : noise)
  const lpDifference = Array.from({ length: tokens }, () => {
    let sum = 0
    for (let candidate = 0; candidate < 8; candidate++) sum += Math.abs(normal(random))
    return (lpNats * sum) / 8
  })
  return { excess, lpDifference }
}

/** `count` answers, where noise differs between requests by a log-normal factor of this spread. */
export function manyScores(
  random: Random,
  count: number,
  tokens: number,
  { spread = 0, ...behaviour }: Behaviour & { readonly spread?: number } = HONEST,
): Scores[] {
  return Array.from({ length: count }, () => {
    const noise = behaviour.noise * Math.exp(spread * normal(random))
    return scoresOf(random, tokens, { ...behaviour, noise })
  })
}
