const DAY_MS = 86_400_000

export interface HoldbackPolicy {
  /** What every earning waits at least, ms. */
  readonly holdMs: number
  /** What the second half of a newcomer's earning waits, ms. */
  readonly newcomerHoldMs: number
  /** For how long an identity is a newcomer, ms. */
  readonly newcomerMs: number
}

/**
 * 24 h of a busy provider's earnings are a hundred times what it could gain before it is found out. A
 * newcomer has no day behind it yet, so half of its first week stays for a week.
 */
export const HOLDBACK_POLICY: HoldbackPolicy = {
  holdMs: DAY_MS,
  newcomerHoldMs: 7 * DAY_MS,
  newcomerMs: 7 * DAY_MS,
}

export interface Earning {
  readonly netMsat: bigint
  /** When it was earned, Unix ms. */
  readonly earnedAt: number
  /** When its provider first earned anything, Unix ms. */
  readonly firstEarnedAt: number
}

export interface ReleaseSituation {
  readonly now: number
  /** How far verdicts are behind, ms: nothing is released that may still be audited. */
  readonly auditLagMs: number
  /** As for the audit rate. */
  readonly isSuspect: boolean
}

/**
 * How much of an earning may have been released by now, msat, from nothing to all of it. Under suspicion
 * nothing more is: what is 0 then may have been more before, and what has left has left.
 */
export function releasableMsat(
  { netMsat, earnedAt, firstEarnedAt }: Earning,
  { now, auditLagMs, isSuspect }: ReleaseSituation,
  policy: HoldbackPolicy = HOLDBACK_POLICY,
): bigint {
  if (isSuspect) return 0n
  const age = now - earnedAt
  if (age < Math.max(policy.holdMs, auditLagMs)) return 0n
  const asNewcomer = earnedAt - firstEarnedAt < policy.newcomerMs
  if (asNewcomer && age < Math.max(policy.newcomerHoldMs, auditLagMs)) return netMsat / 2n
  return netMsat
}
