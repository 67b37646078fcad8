import type { AccountId, JobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'

/** A record as a completed job leaves it. */
export function recordOf(
  job: JobId,
  accountId: AccountId,
  fields: Partial<JobRecord> = {},
): JobRecord {
  return {
    id: job,
    accountId,
    apiKeyId: 'key',
    requestId: 'req',
    endpoint: 'chat.completions',
    model: 'tiny',
    generationId: null,
    stream: true,
    status: 'completed',
    errorCode: null,
    finishReason: 'stop',
    providerId: 'peer',
    lease: `${job}.1`,
    attempts: 1,
    priorLegs: [],
    promptTokens: 1,
    completionTokens: 1,
    claimedTokens: 1,
    holdMsat: 0,
    costMsat: 0,
    createdAt: 1000,
    firstByteMs: 1,
    totalMs: 2,
    ...fields,
  }
}
