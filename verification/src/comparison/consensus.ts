import type { Comparator } from './comparator.ts'
import type { ReturnedResult } from './counted-results.ts'

/** Attempts by what became of them; all but the lost are paid. */
export interface Consensus {
  /** Agrees with the most; of several, the first by name. */
  readonly canonical: string
  /** Agree with it, itself included. */
  readonly matched: readonly string[]
  /** May be right as well. */
  readonly tied: readonly string[]
  readonly lost: readonly string[]
}

/**
 * The result with which most agree, if they are `minAgreeing` and more than agree on something else. Tolerances are
 * not transitive, so each result has neighbours of its own. `results` in an order of their own.
 */
export function canonicalOf<Result>(
  results: readonly ReturnedResult<Result>[],
  minAgreeing: number,
  comparator: Comparator<Result>,
): Consensus | undefined {
  const views = results.map((result) => viewOf(result, results, comparator))
  const [best] = [...views].sort((one, other) => other.matched.length - one.matched.length)
  if (best === undefined || best.matched.length < minAgreeing) return undefined
  const lost = new Set(best.lost)
  const rivals = views.filter(({ canonical }) => lost.has(canonical))
  return rivals.some(({ matched }) => matched.length >= best.matched.length) ? undefined : best
}

function viewOf<Result>(
  { attempt, result }: ReturnedResult<Result>,
  results: readonly ReturnedResult<Result>[],
  comparator: Comparator<Result>,
): Consensus {
  const [matched, tied, lost]: [string[], string[], string[]] = [[], [], []]
  const heaps = { agree: matched, tie: tied, disagree: lost }
  for (const other of results) heaps[comparator.compare(result, other.result)].push(other.attempt)
  return { canonical: attempt, matched, tied, lost }
}
