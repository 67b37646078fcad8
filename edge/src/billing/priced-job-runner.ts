import { ApiError, errorEnvelope } from '@infernet/openai-compat/api-error'
import { toApiError } from '@infernet/openai-compat/api-errors'
import { isJobId, newJobId, type JobId } from '@infernet/schemas/ids'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { jitteredBackoffMs } from '@infernet/settlement/backoff'
import { runJob, type RunRim } from '../inference/run-request.ts'
import { UNLIMITED, type HubPort, type Limits } from '../ports.ts'
import type { EdgeServices } from '../services.ts'
import type { SettlerPort } from './billing-port.ts'
import { atFixedPrice, pricedModel, tokenOrder } from './fixed-price-order.ts'
import { jobDone } from './job-done.ts'
import { PRICED_JOB_APIS } from './priced-job-apis.ts'
import {
  JOB_CLAIM_MS,
  JOB_CLAIM_RENEW_MS,
  MAX_RUNNING_JOBS,
  STORE_RETRY,
} from './priced-job-limits.ts'
import type { ClaimedJob, JobDone, PricedJobStore } from './priced-jobs-port.ts'

/** An account's limits guard its credit; this job has been paid for, and open jobs have a limit of their own. */
const NO_LIMITS: Limits = { key: UNLIMITED, account: UNLIMITED }

export interface PricedJobRunnerParts extends Pick<EdgeServices, 'accounts' | 'events' | 'now'> {
  readonly hub: Pick<HubPort, 'submit' | 'cancel' | 'directory'>
  readonly store: PricedJobStore
  readonly settler: SettlerPort
  /** Resolves after so many ms, or as soon as the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** In [0, 1). */
  readonly random: () => number
  /** Lets work go on that nobody waits for. */
  readonly outlast: (work: Promise<unknown>) => void
}

/**
 * Runs jobs whose payment is held, and judges them: an answer that was audited without fault, or that cannot be
 * audited, is the good verdict, anything else the bad one. A job that was claimed by a process that died is claimed
 * anew when its time is over.
 */
export class PricedJobRunner {
  readonly #parts: PricedJobRunnerParts
  readonly #stop = new AbortController()
  readonly #running = new Map<string, Promise<void>>()
  #draining = false

  constructor(parts: PricedJobRunnerParts) {
    this.#parts = parts
  }

  /**
   * Starts those of these jobs that are to be run, as many as there is room for; resolves when they are
   * claimed. What is running, over or unknown is left alone. Throws DbUnavailable.
   */
  async run(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.filter(isJobId).map((id) => this.#start(id)))
  }

  /** Begins nothing any more. */
  drain(): void {
    this.#draining = true
  }

  /** Leaves what is running to whoever claims it next. Resolves when nothing runs. */
  async close(): Promise<void> {
    this.drain()
    this.#stop.abort()
    await Promise.all(this.#running.values())
  }

  async #start(id: JobId): Promise<void> {
    if (this.#draining || this.#running.has(id) || this.#running.size >= MAX_RUNNING_JOBS) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#running.set(id, promise)
    const over = (): void => {
      this.#running.delete(id)
      resolve()
    }
    try {
      const claimed = await this.#claim(id)
      if (claimed === undefined) return over()
      const seen = new AbortController()
      this.#parts.outlast(this.#keep(claimed, seen.signal))
      this.#parts.outlast(this.#see(claimed).finally(() => (seen.abort(), over())))
    } catch (error) {
      over()
      throw error
    }
  }

  #claim(id: JobId): Promise<ClaimedJob | undefined> {
    const now = this.#parts.now()
    return this.#parts.store.claim(id, { run: newJobId(now), now, until: now + JOB_CLAIM_MS })
  }

  /** Keeps the claim while the job runs, so that it is claimed anew soon after this process has died. */
  async #keep({ id, run }: ClaimedJob, seen: AbortSignal): Promise<void> {
    const { store, events, sleep, now } = this.#parts
    const until = AbortSignal.any([seen, this.#stop.signal])
    for (;;) {
      await sleep(JOB_CLAIM_RENEW_MS, until)
      if (until.aborted) return
      try {
        await store.claim(id, { run, now: now(), until: now() + JOB_CLAIM_MS })
      } catch (error) {
        events.storeFailed('pricedJobClaim', error)
      }
    }
  }

  /** Never rejects. */
  async #see(job: ClaimedJob): Promise<void> {
    const { store, events } = this.#parts
    const outcome = await this.#outcome(job)
    // Whoever stops us has decided nothing about the job.
    if (this.#stop.signal.aborted) return
    const stored =
      outcome instanceof ApiError
        ? () => store.fail(job.id, job.run, errorEnvelope(outcome).error)
        : () => this.#completed(job, outcome)
    await this.#insist(stored)
    try {
      await this.#parts.settler.wake()
    } catch (error) {
      events.storeFailed('wakeSettler', error)
    }
  }

  /** An answer that nobody pays for any more is none: the payment went back before it was there. */
  async #completed({ id, run }: ClaimedJob, done: JobDone): Promise<boolean> {
    const { store } = this.#parts
    return (
      (await store.complete(id, run, done)) || store.fail(id, run, errorEnvelope(paidBack()).error)
    )
  }

  async #outcome(job: ClaimedJob): Promise<JobDone | ApiError> {
    const { events } = this.#parts
    try {
      return await this.#answer(job)
    } catch (error) {
      const apiError = toApiError(error)
      if (apiError !== error) events.internalError(job.requestId, error)
      return apiError
    }
  }

  async #answer(job: ClaimedJob): Promise<JobDone | ApiError> {
    const { hub, events, now } = this.#parts
    const { endpoint, requestId, accountId, apiKeyId, model, request } = job
    const parsed = PRICED_JOB_APIS[endpoint].parse(encodeUtf8(request))
    const named = { ...parsed, request: { ...parsed.request, model, fallbackModels: [] } }
    const choice = pricedModel(await hub.directory(), named, (name, known) =>
      events.demandUnmet(name, known ? 'offline' : 'unknown'),
    )
    const identity = { accountId, apiKeyId, limits: NO_LIMITS }
    const order = tokenOrder({ identity, requestId, parsed: named, choice, now: now() })
    const priced = { ...atFixedPrice(order, job.priceMsat), job: job.run }
    const rim: RunRim = {
      outlast: (work) => work instanceof Promise && this.#parts.outlast(work),
      held: () => {},
    }
    const ran = await runJob(this.#parts, rim, identity, priced, this.#stop.signal)
    return ran instanceof ApiError ? ran : jobDone(ran.answer, job.run)
  }

  /** Tries until it is stored, or another may have claimed the job. */
  async #insist(store: () => Promise<boolean>): Promise<void> {
    const { events, sleep, now, random } = this.#parts
    const { signal } = this.#stop
    const end = now() + JOB_CLAIM_MS
    for (let failures = 0; !signal.aborted && now() < end; failures++) {
      try {
        await store()
        return
      } catch (error) {
        events.storeFailed('pricedJobEnded', error)
        await sleep(jitteredBackoffMs(STORE_RETRY, failures, random()), signal)
      }
    }
  }
}

const paidBack = (): ApiError =>
  new ApiError({
    status: 409,
    type: 'invalid_request_error',
    code: 'payment_returned',
    shouldRetry: false,
    message: 'The payment went back to its payer before the answer was there.',
  })
