import { leaseOf, newAccountId, newJobId } from '@infernet/schemas/ids'
import type { JobRecord, LedgerBatch, LedgerDeposit } from '@infernet/schemas/job-record'

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

/** A job that ran, of a fresh account unless `changes` names one. */
export function finishedJob(changes: Partial<JobRecord> = {}): JobRecord {
  const id = newJobId(AT)
  return {
    id,
    accountId: newAccountId(AT),
    apiKeyId: '0123456789abcdef',
    requestId: 'req_1',
    endpoint: 'chat.completions',
    model: 'demo',
    generationId: null,
    stream: true,
    status: 'completed',
    errorCode: null,
    finishReason: 'stop',
    providerId: '12D3KooWprovider',
    lease: leaseOf(id, 1),
    attempts: 1,
    priorLegs: [],
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

/** The platform's part of what fixtures cost, basis points. */
export const FEE_BPS = 100

/** What an outbox sends for these jobs and deposits. */
export const batchOf = (
  jobs: readonly JobRecord[],
  deposits: readonly LedgerDeposit[] = [],
): LedgerBatch => ({ deposits, records: jobs.map((job) => JSON.stringify(job)) })

export const depositOf = (
  accountId: string,
  reference: string,
  amountMsat: number,
): LedgerDeposit => ({ accountId, reference, amountMsat, at: AT })

/** The same for jobs of accounts that have credit for them. */
export const fundedBatch = (jobs: readonly JobRecord[]): LedgerBatch => {
  const paid = jobs.filter(({ costMsat }) => costMsat > 0)
  return batchOf(
    jobs,
    paid.map((job) => depositOf(job.accountId, `for ${job.id}`, job.costMsat)),
  )
}
