import type { JobRecord } from '@infernet/schemas/job-record'
import type { SqlPort } from '../ports.ts'
import { integer } from './ledger-error.ts'

/** An open hold past its time. */
export interface ExpiredHold {
  readonly job: string
  readonly accountId: string
  readonly amountMsat: number
}

/** Open holds that expired before `now` (or all, with Infinity), oldest first. */
export function expiredHolds(sql: SqlPort, now: number, limit: number): ExpiredHold[] {
  const rows = sql.exec(
    `select job, account, amount from hold where record is null and expires_at < ? order by expires_at limit ?`,
    Math.min(now, Number.MAX_SAFE_INTEGER),
    limit,
  )
  return rows.map((row) => ({
    job: String(row['job']),
    accountId: String(row['account']),
    amountMsat: integer(row['amount']),
  }))
}

/** When the next open hold expires, ms since the epoch. */
export function nextExpiry(sql: SqlPort): number | undefined {
  const [row] = sql.exec(`select min(expires_at) as at from hold where record is null`)
  const at = row?.['at']
  return typeof at === 'number' ? at : undefined
}

/**
 * The record of a job whose hold outlived it: the edge died, or never heard of the job's end. The
 * client gets everything back; nobody can say what it received, and nobody guesses.
 */
export function expiredRecord(hold: ExpiredHold, now: number): JobRecord {
  return {
    id: hold.job,
    accountId: hold.accountId,
    apiKeyId: '',
    requestId: '',
    endpoint: '',
    model: '',
    generationId: null,
    stream: false,
    status: 'expired',
    errorCode: 'hold_expired',
    finishReason: null,
    providerId: null,
    lease: null,
    attempts: 0,
    priorLegs: [],
    promptTokens: 0,
    completionTokens: 0,
    claimedTokens: 0,
    holdMsat: hold.amountMsat,
    costMsat: 0,
    createdAt: now,
    firstByteMs: null,
    totalMs: 0,
  }
}
