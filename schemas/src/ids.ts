import { randomUUID } from 'node:crypto'

declare const idBrand: unique symbol
type Id<Noun extends string> = string & { readonly [idBrand]: Noun }

/** A client's (`acct_…`), or that of a bundle which was paid for without one (`l402_…`). */
export type AccountId = Id<'account'>
export type ApiKeyId = Id<'api-key'>
export type JobId = Id<'job'>
export type RequestId = Id<'request'>
/** One attempt of one job on one provider: `<job>.<attempt>`. */
export type LeaseId = Id<'lease'>

/**
 * 32 hex digits: 48 bits of time, then the last 80 of a random UUID (74 of them random, as many as
 * in UUID version 7), so that rows created together lie together in an index. `now` is in whole ms
 * since the epoch.
 */
function timeOrderedHex(now: number): string {
  const random = randomUUID()
  return (
    now.toString(16).padStart(12, '0') +
    random.slice(14, 18) +
    random.slice(19, 23) +
    random.slice(24)
  )
}

export const newAccountId = (now: number) => `acct_${timeOrderedHex(now)}` as AccountId
/** The account of a bundle, by the hash (hex) of the invoice that paid for it. */
export const bundleId = (paymentHash: string) => `l402_${paymentHash}` as AccountId
export const newJobId = (now: number) => `job_${timeOrderedHex(now)}` as JobId
/** When a job was ordered, ms since the epoch: its id begins with that. */
export const madeAt = (job: JobId): number => Number.parseInt(job.slice(4, 16), 16)
export const newRequestId = (now: number) => `req_${timeOrderedHex(now)}` as RequestId
/** `attempt` counts from 1. */
export const leaseOf = (job: JobId, attempt: number) => `${job}.${attempt}` as LeaseId

const HEX = '[0-9a-f]{32}'
const ACCOUNT = new RegExp(`^acct_${HEX}$`)
const JOB = new RegExp(`^job_${HEX}$`)
/** Attempts run from 1 to 99. */
const LEASE = new RegExp(`^job_${HEX}\\.[1-9][0-9]?$`)
/** A client's; a bundle has none of what an operator makes for one. */
export const isAccountId = (text: string): text is AccountId => ACCOUNT.test(text)
export const isJobId = (text: string): text is JobId => JOB.test(text)
export const isLeaseId = (text: string): text is LeaseId => LEASE.test(text)
