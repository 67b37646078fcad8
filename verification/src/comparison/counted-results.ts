import type { Comparator } from './comparator.ts'

export interface ReturnedResult<Result> {
  /** Name of the attempt. */
  readonly attempt: string
  /** Who stands behind the provider: its payout key, address cluster or the like, not its peer id alone. */
  readonly operator: string
  readonly homogeneityClass: string
  readonly result: Result
}

interface CountedResults<Result> {
  /** At most one of each operator, by attempt. */
  readonly counted: readonly ReturnedResult<Result>[]
  /** Attempts whose result cannot be one. */
  readonly faulty: readonly string[]
  /** Attempts that say nothing: another class, or an operator's second. */
  readonly uncounted: readonly string[]
}

/** Which results a quorum may count. An operator's first attempt by name is the one that stands. */
export function countedOf<Result>(
  results: readonly ReturnedResult<Result>[],
  homogeneityClass: string,
  comparator: Comparator<Result>,
): CountedResults<Result> {
  const counted: ReturnedResult<Result>[] = []
  const faulty: string[] = []
  const uncounted: string[] = []
  const operators = new Set<string>()
  for (const result of [...results].sort(byAttempt)) {
    const { attempt, operator } = result
    if (result.homogeneityClass !== homogeneityClass || operators.has(operator)) {
      uncounted.push(attempt)
      continue
    }
    operators.add(operator)
    if (comparator.fault(result.result) === undefined) counted.push(result)
    else faulty.push(attempt)
  }
  return { counted, faulty, uncounted }
}

function byAttempt(one: { attempt: string }, other: { attempt: string }): number {
  if (one.attempt === other.attempt) return 0
  return one.attempt < other.attempt ? -1 : 1
}
