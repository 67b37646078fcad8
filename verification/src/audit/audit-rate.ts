/**
 * κ: what a provider stands to lose is to be worth this many times what it can gain before it is found out.
 * Estimates of gains and of detection are good to a factor of two; three leaves room for that.
 */
export const SAFETY_FACTOR = 3

/** What the rate is made of. {@link AUDIT_POLICY} has the defaults. */
export interface AuditPolicy {
  /** Nobody is ever audited less: a reputation that has been earned must not become a licence. */
  readonly leastRate: number
  /** After as many valid audits in a row a provider is audited half the time: BOINC's adaptive replication. */
  readonly trustAfter: number
  readonly safetyFactor: number
}

/**
 * 1 %: at a price of 300 msat a job, whoever cheats always is found after some 100 jobs, or 25 to 77 sat of
 * gain; the audits cost some 0.1 % of the compute.
 */
export const AUDIT_POLICY: AuditPolicy = {
  leastRate: 0.01,
  trustAfter: 10,
  safetyFactor: SAFETY_FACTOR,
}

/** A provider as the auditor sees it, for one spec class. */
export interface AuditSituation {
  /** Audits in a row that were confirmed valid; 0 again after a confirmed fail. */
  readonly consecutiveValid: number
  /** Bond and holdback that a slash could take, msat. */
  readonly securedMsat: bigint
  /** What a cheated job saves the cheat, msat. */
  readonly gainPerJobMsat: bigint
  /** Audited cheated jobs until a cheat is found out. */
  readonly jobsToDetect: number
  /** Whether the evidence against it calls for a closer look: a lifetime's e-value of 10, see `suspicionOf`. */
  readonly isSuspect: boolean
}

/**
 * The share of a provider's jobs to audit, 0 to 1: the greatest of what is always audited, what is owed to
 * a newcomer, what keeps the gain before detection (g·k/p) below the security, and all of it under suspicion.
 */
export function auditRate(situation: AuditSituation, policy: AuditPolicy = AUDIT_POLICY): number {
  if (situation.isSuspect) return 1
  const untried = policy.trustAfter / (policy.trustAfter + situation.consecutiveValid)
  return Math.min(1, Math.max(policy.leastRate, untried, unsecured(situation, policy)))
}

/** κ·g·k/B. Without any security it is 1, whatever the gain: there is nothing to take. */
function unsecured(situation: AuditSituation, { safetyFactor }: AuditPolicy): number {
  const { securedMsat, gainPerJobMsat, jobsToDetect } = situation
  if (safetyFactor === 0) return 0
  if (securedMsat <= 0n) return 1
  return (safetyFactor * Number(gainPerJobMsat) * jobsToDetect) / Number(securedMsat)
}
