import { isUnopened } from '@infernet/schemas/audit-report'
import { madeAt } from '@infernet/schemas/ids'
import { nextWealth, STARTING_WEALTH } from '@infernet/verification/evidence/wealth'
import { auditRate, AUDIT_POLICY } from '@infernet/verification/audit/audit-rate'
import { suspicionOf } from '@infernet/verification/evidence/suspicion'
import { reputationWeight } from '@infernet/verification/reputation/reputation-weight'
import type { Standing } from '@infernet/verification/reputation/standing'
import { trustedUntil } from '@infernet/verification/reputation/trusted-until'
import type { Audit, SpecRecord } from './audit-port.ts'

/** A provider that was never audited for a spec. */
export const newRecord = (spec: string): SpecRecord => ({
  spec,
  wealth: STARTING_WEALTH,
  consecutiveValid: 0,
  passed: 0,
  failed: 0,
  inconclusive: 0,
  unopened: 0,
  unopenedInRow: 0,
  updatedAt: 0,
  trustedUntil: 0,
})

/** The record after one more audit. An answer that could not be judged says nothing, good or bad. */
export function afterAudit(
  record: SpecRecord,
  audit: Pick<Audit, 'job' | 'judgedAt' | 'logE' | 'report' | 'verdict'>,
): SpecRecord {
  const { job, verdict, logE, judgedAt } = audit
  const counted = {
    ...record,
    [COUNTS[verdict]]: record[COUNTS[verdict]] + 1,
    unopenedInRow: isUnopened(audit) ? record.unopenedInRow + 1 : 0,
    updatedAt: Math.max(record.updatedAt, judgedAt),
  }
  if (verdict === 'inconclusive') return counted
  const wealth = nextWealth(record.wealth, logE)
  const isGood = verdict === 'pass'
  return {
    ...counted,
    wealth,
    consecutiveValid: isGood ? record.consecutiveValid + 1 : 0,
    trustedUntil: isGood
      ? trustedUntil(record.trustedUntil, wealth, madeAt(job))
      : record.trustedUntil,
  }
}

const COUNTS = {
  pass: 'passed',
  fail: 'failed',
  inconclusive: 'inconclusive',
  unopened: 'unopened',
} as const

/** What a provider could lose is the settler's to know, so that newcomers and suspects are looked at most. */
const POLICY = { ...AUDIT_POLICY, safetyFactor: 0 }

/** The share of a provider's answers that is looked at, 0 to 1. */
export function rateOf(
  { consecutiveValid, wealth }: Pick<SpecRecord, 'consecutiveValid' | 'wealth'>,
  standing: Standing,
): number {
  const isSuspect = standing !== 'clear' || suspicionOf(wealth) !== 'clear'
  const unknown = { securedMsat: 0n, gainPerJobMsat: 0n, jobsToDetect: 1 }
  return auditRate({ consecutiveValid, isSuspect, ...unknown }, POLICY)
}

/** Computed once: it takes a tenth of a millisecond. */
const trusts = new WeakMap<SpecRecord, number>()

/** How far answers are trusted whose audits have ended so, 0 to 1. */
export function trustIn(record: SpecRecord): number {
  const trust = trusts.get(record) ?? reputationWeight(record)
  trusts.set(record, trust)
  return trust
}

export const NEWCOMERS_TRUST = reputationWeight(newRecord(''))
