import { JOB_QUOTE_SECONDS } from '@infernet/settlement/job-price'
import { splitFee } from '@infernet/settlement/ledger/fee'
import { SIMULATED_MARK } from '@infernet/settlement/lightning/simulated-mark'
import { unixSeconds } from '../unix-seconds.ts'
import type { SettlerNode } from './billing-port.ts'
import type { JobEscrow, PricedJobDetail, StoredPricedJob } from './priced-jobs-port.ts'

/**
 * `quoted`: the invoice is being made. `awaiting_payment`: it can be paid. `queued`: the payment is held,
 * nobody runs the job yet. `expired`: not paid in time. `cancelled`: withdrawn, or the payment went back
 * before there was an answer.
 */
export type JobStatus =
  | 'quoted'
  | 'awaiting_payment'
  | 'queued'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'expired'

/** What clients see of a job's two rows. `now` in ms since the epoch. */
export function jobStatus(job: StoredPricedJob, now: number): JobStatus {
  const { state, escrow } = job
  if (state === 'completed' || state === 'failed') return state
  if (escrow?.cancelReason === 'expired') return 'expired'
  if (escrow?.verdict === 'cancel' || escrow?.state === 'cancelled') return 'cancelled'
  if (state === 'withdrawn') return wasSwept(job) ? 'expired' : 'cancelled'
  if (state === 'running') return 'running'
  if (escrow === undefined) return now / 1000 < expiryOf(job) ? 'quoted' : 'expired'
  return STATUS_OF_ESCROW[escrow.state]
}

const STATUS_OF_ESCROW = {
  quoted: 'quoted',
  open: 'awaiting_payment',
  accepted: 'queued',
  // By hand, without a verdict: the price is the payer's credit.
  settled: 'cancelled',
  cancelled: 'cancelled',
} as const satisfies Record<JobEscrow['state'], JobStatus>

/** Closed by a later quote, not by its client. */
const wasSwept = ({ createdAt, finishedAt }: StoredPricedJob): boolean =>
  finishedAt !== undefined && finishedAt - createdAt >= JOB_QUOTE_SECONDS * 1000

/** Unix seconds: until when it can be paid. */
const expiryOf = ({ createdAt, escrow }: StoredPricedJob): number =>
  escrow?.expiresAt ?? unixSeconds(createdAt) + JOB_QUOTE_SECONDS

/** A job as clients see it, in the manner of OpenAI's batches. `now` in ms since the epoch. */
export function jobJson(
  job: StoredPricedJob,
  node: SettlerNode | undefined,
  now: number,
): Record<string, unknown> {
  const status = jobStatus(job, now)
  return {
    id: job.id,
    object: 'job',
    endpoint: job.endpoint,
    model: job.model,
    status,
    price_msat: String(job.priceMsat),
    price_sat: satOf(job.priceMsat),
    fee_msat: String(splitFee(job.priceMsat, job.feeBps).fee),
    // Nobody shall pay for what is not to be done.
    invoice: status === 'cancelled' || status === 'expired' ? null : (job.escrow?.bolt11 ?? null),
    payment: paymentJson(job.escrow),
    created_at: unixSeconds(job.createdAt),
    expires_at: expiryOf(job),
    finished_at: job.finishedAt === undefined ? null : unixSeconds(job.finishedAt),
    provider: job.providerId ?? null,
    run: job.run ?? null,
    error: job.error ?? null,
    metadata: job.metadata,
    network: node?.network ?? null,
    simulated: node?.simulated ?? null,
    notice: node?.simulated === true ? `${SIMULATED_MARK}: no real money.` : null,
  }
}

/** The same with the answer, which lists leave out. */
export const jobDetailJson = (
  job: PricedJobDetail,
  node: SettlerNode | undefined,
  now: number,
): Record<string, unknown> => ({
  ...jobJson(job, node, now),
  result: job.result === undefined ? null : (JSON.parse(job.result) as unknown),
})

const PAYMENT_STATUS = {
  quoted: 'none',
  open: 'awaited',
  accepted: 'held',
  settled: 'settled',
  cancelled: 'cancelled',
} as const satisfies Record<JobEscrow['state'], string>

function paymentJson(escrow: JobEscrow | undefined): Record<string, unknown> {
  return {
    status: escrow === undefined ? 'none' : PAYMENT_STATUS[escrow.state],
    verdict: escrow?.verdict ?? null,
    reason: escrow?.cancelReason ?? null,
    payment_hash: escrow?.paymentHash ?? null,
  }
}

export const satOf = (msat: bigint): number => Number(msat) / 1000
