import type { AccountId, ApiKeyId, JobId, RequestId } from '@infernet/schemas/ids'
import { JOB_QUOTE_SECONDS } from '@infernet/settlement/job-price'
import { describe, expect, it } from 'vitest'
import { jobJson, jobStatus, type JobStatus } from './priced-job-json.ts'
import type { JobEscrow, StoredPricedJob } from './priced-jobs-port.ts'

const NOW = Date.UTC(2026, 0, 2)
const LATE = NOW + JOB_QUOTE_SECONDS * 1000

const jobOf = (state: StoredPricedJob['state'], escrow?: Partial<JobEscrow>): StoredPricedJob => ({
  id: 'job_1' as JobId,
  accountId: 'acct_1' as AccountId,
  apiKeyId: 'key' as ApiKeyId,
  requestId: 'req_1' as RequestId,
  endpoint: '/v1/completions',
  model: 'tiny',
  metadata: {},
  priceMsat: 2_500_000n,
  feeBps: 100,
  createdAt: NOW,
  state,
  run: undefined,
  providerId: undefined,
  error: undefined,
  finishedAt: undefined,
  escrow: escrow && {
    state: 'open',
    paymentHash: 'ab',
    bolt11: 'lnbc1',
    expiresAt: 7,
    verdict: undefined,
    cancelReason: undefined,
    ...escrow,
  },
})

const cancelled = (cancelReason: JobEscrow['cancelReason']) =>
  ({ state: 'cancelled', cancelReason, verdict: 'cancel' }) as const

describe('the status of a job', () => {
  it.each<[JobStatus, StoredPricedJob, number]>([
    ['quoted', jobOf('quoted'), NOW],
    ['expired', jobOf('quoted'), LATE],
    ['expired', { ...jobOf('withdrawn'), finishedAt: LATE }, LATE],
    ['quoted', jobOf('quoted', { state: 'quoted' }), LATE],
    ['awaiting_payment', jobOf('quoted', { state: 'open' }), LATE],
    ['queued', jobOf('quoted', { state: 'accepted' }), LATE],
    ['running', jobOf('running', { state: 'accepted' }), LATE],
    ['completed', jobOf('completed', { state: 'accepted', verdict: 'settle' }), NOW],
    ['completed', jobOf('completed', { state: 'settled', verdict: 'settle' }), NOW],
    // The node gave the money back before it heard of the verdict.
    ['completed', jobOf('completed', cancelled('auto_cancelled')), NOW],
    ['failed', jobOf('failed', cancelled('bad_verdict')), NOW],
    ['cancelled', jobOf('withdrawn', cancelled('withdrawn')), NOW],
    ['cancelled', { ...jobOf('withdrawn'), finishedAt: NOW }, NOW],
    ['expired', jobOf('withdrawn', cancelled('expired')), NOW],
    ['expired', jobOf('quoted', cancelled('expired')), NOW],
    ['cancelled', jobOf('quoted', cancelled('guardian')), NOW],
    ['cancelled', jobOf('running', { state: 'accepted', verdict: 'cancel' }), NOW],
    ['cancelled', jobOf('quoted', { state: 'settled' }), NOW],
  ])('is %s', (status, job, now) => expect(jobStatus(job, now)).toBe(status))
})

describe('a job as clients see it', () => {
  it('has no invoice once it is not to be paid any more', () => {
    const withdrawn = jobOf('withdrawn', { state: 'open', verdict: 'cancel' })
    expect(jobJson(withdrawn, undefined, NOW)).toMatchObject({ status: 'cancelled', invoice: null })
  })

  it('says what the price is divided into, and that nothing is real', () => {
    const node = { pubkey: '02', network: 'regtest', simulated: true }
    expect(jobJson(jobOf('quoted', { state: 'open' }), node, NOW)).toMatchObject({
      price_msat: '2500000',
      price_sat: 2500,
      fee_msat: '25000',
      invoice: 'lnbc1',
      expires_at: 7,
      payment: { status: 'awaited', verdict: null, reason: null, payment_hash: 'ab' },
      simulated: true,
      notice: 'SIMULATED: no real money.',
    })
  })
})
