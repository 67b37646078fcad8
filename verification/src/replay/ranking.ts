import type { Position } from '@infernet/schemas/transcript'

/**
 * By how much a report's probabilities may miss 1, as a part of 1: they were summed up in 32 bits, or
 * rounded to four digits.
 */
const SUM_SLACK = 1e-4

/** The tokens that a report does not list, of which only bounds are known. */
export interface Rest {
  /** Their probability together, at least and at most, as a multiple of the likeliest token's. */
  readonly least: number
  readonly most: number
  /** No one of them is above this: nats against the likeliest token. */
  readonly logit: number
  /** How many they are; Infinity where nobody said how large the vocabulary is. */
  readonly count: number
}

/** The candidates of one place, likeliest first. */
export interface Ranking {
  readonly ids: readonly number[]
  /** Nats against the likeliest: 0, then negative numbers. */
  readonly logits: Float64Array
  /** Rank, from 0, of the token that stands in the answer. */
  readonly chosen: number
  /** So many from the front that none of the rest is likelier: all, or all but a chosen one that was not listed. */
  readonly settled: number
  readonly rest: Rest
}

/**
 * Ranks what a position lists together with the token that stands there. The place in a list of the chosen
 * token counts, where it has one. Undefined for a position that lists nothing.
 */
export function rankCandidates(position: Position, vocabSize: number): Ranking | undefined {
  if (position.top.length === 0) return undefined
  const isListed = position.top.some(({ id }) => id === position.id)
  const sorted = [...position.top, ...(isListed ? [] : [position])]
  // A stranger's list may have any order.
  sorted.sort((a, b) => b.logprob - a.logprob)
  const max = sorted[0]?.logprob ?? 0
  const logits = Float64Array.from(sorted, ({ logprob }) => logprob - max)
  const lowest = position.top.reduce((low, { logprob }) => Math.min(low, logprob), 0) - max
  const rest = restOf(logits, max, lowest, vocabSize)
  const ids = sorted.map(({ id }) => id)
  const unsettled = logits.findLastIndex((logit) => logit >= rest.logit)
  return { ids, logits, chosen: ids.indexOf(position.id), settled: unsettled + 1, rest }
}

function restOf(logits: Float64Array, max: number, lowest: number, vocabSize: number): Rest {
  const count = Math.max(0, vocabSize - logits.length)
  if (count === 0) return { least: 0, most: 0, logit: -Infinity, count }
  const whole = Math.exp(-max)
  const missing = whole - logits.reduce((sum, logit) => sum + Math.exp(logit), 0)
  const most = Math.max(0, missing) + SUM_SLACK * whole
  const least = Math.max(0, missing - SUM_SLACK * whole)
  return { least, most, logit: Math.min(lowest, Math.log(most)), count }
}

/** The best rank that `rank`'s candidate reaches when each logit may move by `change` nats either way. */
export function bestRank({ logits }: Ranking, rank: number, change: number): number {
  const reach = (logits[rank] ?? 0) + 2 * change
  let best = rank
  while (best > 0 && (logits[best - 1] ?? 0) <= reach) best--
  return best
}

/** The worst rank it may fall to, among those ranked. */
export function worstRank({ logits }: Ranking, rank: number, change: number): number {
  const reach = (logits[rank] ?? 0) - 2 * change
  let worst = rank
  while (worst + 1 < logits.length && (logits[worst + 1] ?? 0) >= reach) worst++
  return worst
}
