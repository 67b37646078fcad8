import { leaseOf, newAccountId, newJobId } from '@infernet/schemas/ids'
import type { JobRecord, LedgerEvent } from '@infernet/schemas/job-record'

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

/** A job that ran, of a fresh account unless `changes` names one. */
export function finishedJob(changes: Partial<JobRecord> = {}): JobRecord {
  const id = newJobId(AT)
  return {
    id,
    accountId: newAccountId(AT),
    apiKeyId: '0123456789abcdef',
    requestId: 'req_1',
    model: 'demo',
    stream: true,
    status: 'completed',
    errorCode: null,
    finishReason: 'stop',
    providerId: '12D3KooWprovider',
    lease: leaseOf(id, 1),
    attempts: 1,
    promptTokens: 10,
    completionTokens: 20,
    claimedTokens: 21,
    holdMsat: 500,
    costMsat: 300,
    createdAt: AT,
    firstByteMs: 40,
    totalMs: 400,
    ...changes,
  }
}

export const captureOf = (job: JobRecord): LedgerEvent => ({
  accountId: job.accountId,
  idempotencyKey: `job:${job.id}`,
  kind: job.costMsat > 0 ? 'capture' : 'release',
  amountMsat: job.costMsat === 0 ? 0 : -job.costMsat,
  happenedAt: job.createdAt + job.totalMs,
  job,
})

export const depositOf = (
  accountId: string,
  reference: string,
  amountMsat: number,
): LedgerEvent => ({
  accountId,
  idempotencyKey: `deposit:${reference}`,
  kind: 'deposit',
  amountMsat,
  happenedAt: AT,
  job: null,
})
