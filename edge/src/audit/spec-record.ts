import { madeAt } from '@infernet/schemas/ids'
import { nextWealth, STARTING_WEALTH } from '@infernet/verification/evidence/wealth'
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
  { job, verdict, logE, judgedAt }: Audit,
): SpecRecord {
  const counted = {
    ...record,
    [COUNTS[verdict]]: record[COUNTS[verdict]] + 1,
    unopenedInRow: verdict === 'unopened' ? record.unopenedInRow + 1 : 0,
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
