import { CONFIRMED_FAIL_WEIGHT, type DecayedCounts } from './decayed-counts.ts'
import { lowerBound } from './lower-bound.ts'

/** How the audits of a provider and spec have ended; what could not be judged says nothing. Numbers, or decayed weights. */
export interface AuditCounts {
  readonly passed: number
  readonly failed: number
  /** Not shown when it was asked for: as good a sign as no audit at all. */
  readonly unopened: number
}

/** What audits say of integrity: a fail by its weight, and what was not shown as one that was not good. */
export const integrityCounts = ({
  passed,
  failed,
  unopened,
}: AuditCounts): Pick<DecayedCounts, 'good' | 'bad'> => ({
  good: passed,
  bad: failed * CONFIRMED_FAIL_WEIGHT + unopened,
})

/**
 * The part of the score that a hub cannot measure while it gives out jobs, 0 to 1: integrity² · √uptime. About
 * 0.003 for who was never audited. Takes up to milliseconds: keep the result. `uptime` is a share, 0 to 1.
 */
export const reputationWeight = (counts: AuditCounts, uptime = 1): number =>
  lowerBound(integrityCounts(counts)) ** 2 * Math.sqrt(uptime)
