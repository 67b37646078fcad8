import type { Comparator } from './comparator.ts'
import { countedOf, type ReturnedResult } from './counted-results.ts'
import { canonicalOf, type Consensus } from './consensus.ts'

export interface QuorumLimits {
  /** Valid results needed before any decision; more than half of it must agree. */
  readonly minQuorum: number
  /** Copies to send at first; at least `minQuorum`. */
  readonly target: number
  /** As many attempts without a valid result end it. */
  readonly maxErrors: number
  /** Attempts in all, whatever became of them. */
  readonly maxTotal: number
}

export interface ReplicatedTask<Result> {
  readonly limits: QuorumLimits
  /** The first attempt's; only machines of one class can be compared. */
  readonly homogeneityClass: string
  readonly results: readonly ReturnedResult<Result>[]
  /** Attempts that ended without a result: errors, timeouts. */
  readonly errors: number
  /** Attempts under way. */
  readonly outstanding: number
}

export type QuorumDecision =
  | (Consensus & { readonly state: 'canonical'; readonly uncounted: readonly string[] })
  /** So many more copies, each of an operator that has none yet. */
  | { readonly state: 'need_copies'; readonly copies: number }
  | { readonly state: 'wait' }
  | { readonly state: 'give_up'; readonly reason: 'errors' | 'total' }

/**
 * What a replicated task's results decide, as BOINC's transitioner and validator do together. The order of results
 * does not matter. Names are the attempts'. Throws RangeError for limits that no results can meet.
 */
export function decideQuorum<Result>(
  task: ReplicatedTask<Result>,
  comparator: Comparator<Result>,
): QuorumDecision {
  const { limits, results, homogeneityClass, outstanding } = task
  assertLimits(limits)
  const { counted, faulty, uncounted } = countedOf(results, homogeneityClass, comparator)
  if (counted.length >= limits.minQuorum) {
    const consensus = canonicalOf(counted, Math.floor(limits.minQuorum / 2) + 1, comparator)
    if (consensus !== undefined)
      return { state: 'canonical', ...consensus, lost: [...consensus.lost, ...faulty], uncounted }
  }
  const errors = task.errors + faulty.length
  if (errors >= limits.maxErrors) return { state: 'give_up', reason: 'errors' }
  // Enough results that do not agree: one more decides.
  const wanted = counted.length >= limits.minQuorum ? counted.length + 1 : limits.target
  const missing = wanted - counted.length - outstanding
  if (missing <= 0) return { state: 'wait' }
  const room = limits.maxTotal - results.length - task.errors - outstanding
  if (room > 0) return { state: 'need_copies', copies: Math.min(missing, room) }
  return outstanding > 0 ? { state: 'wait' } : { state: 'give_up', reason: 'total' }
}

function assertLimits({ minQuorum, target, maxErrors, maxTotal }: QuorumLimits): void {
  const positive = [minQuorum, target, maxErrors, maxTotal].every(
    (limit) => Number.isSafeInteger(limit) && limit > 0,
  )
  if (!positive || target < minQuorum || maxTotal < target)
    throw new RangeError('limits of a quorum must be positive, minQuorum <= target <= maxTotal')
}
