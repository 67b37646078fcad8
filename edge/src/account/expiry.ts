import type { JobRecord } from '@infernet/schemas/job-record'

/**
 * The record of a job whose hold outlived it: the edge died, or never heard of the job's end. The
 * client gets everything back; nobody can say what it received, and nobody guesses.
 */
export function expiredRecord(
  hold: { job: string; accountId: string; amountMsat: number },
  now: number,
): JobRecord {
  return {
    id: hold.job,
    accountId: hold.accountId,
    apiKeyId: '',
    requestId: '',
    model: '',
    stream: false,
    status: 'expired',
    errorCode: 'hold_expired',
    finishReason: null,
    providerId: null,
    lease: null,
    attempts: 0,
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
