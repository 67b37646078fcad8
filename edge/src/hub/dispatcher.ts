import type { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { JobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { SelectedAnswer } from '../audit/audit-case.ts'
import { BUSY_RETRY_AFTER_MS, MAX_JOBS, QUEUE_WAIT_MS, SWEEP_INTERVAL_MS } from '../limits.ts'
import type { JobAnswer, JobOrder } from '../ports.ts'
import type { Attempt } from './attempt.ts'
import type { JobHost } from './job-host.ts'
import type { Leg } from './job-record.ts'
import { JobRun } from './job-run.ts'
import type { JobTimeouts } from './job-timeouts.ts'
import { matchError } from './match-errors.ts'
import { chooseProvider } from './matcher.ts'
import type { ModelOffers } from './model-offers.ts'
import { PrefixAffinity } from './prefix-affinity.ts'
import type { ProviderSession } from './provider-session.ts'
import { hedgeDelayMs } from './provider-stats.ts'
import { WaitQueue } from './wait-queue.ts'

/** Why a request for a model found nobody, though the model is served. */
export type UnmetReason = 'full' | 'unsuitable'

export interface DispatcherOptions {
  readonly timeouts: JobTimeouts
  /** See `JobBody`. */
  readonly byteStreams: boolean
  /** Runs `task` once after `delayMs`; used only while jobs are under way. */
  readonly later: (task: () => void, delayMs: number) => void
  readonly now: () => number
  /** Numbers in [0, 1). */
  readonly random: () => number
  /** The provider neither took nor refused an offered job. */
  readonly silent: (session: ProviderSession) => void
  /** The audit of its answer, if it was selected for one. */
  readonly ended: (
    record: JobRecord,
    legs: readonly Leg[],
    run: JobRun,
  ) => SelectedAnswer | undefined
  readonly unmet: (model: string, reason: UnmetReason) => void
}

/** Gives jobs to providers: matching, the queue of those that found everybody full, and their clocks. */
export class Dispatcher implements JobHost {
  readonly #options: DispatcherOptions
  readonly #offers: ModelOffers
  readonly #jobs = new Map<JobId, JobRun>()
  /** Jobs that have ended, and whose clients wait for the verdict. */
  readonly #waiting = new Map<JobId, JobRun>()
  readonly #queue = new WaitQueue<JobRun>()
  readonly #affinity = new PrefixAffinity()
  /** Leases taken back whose providers have not said so yet. */
  readonly #lingering = new Set<Attempt>()
  #waking: Set<string> | undefined
  #sweeping = false

  constructor(offers: ModelOffers, options: DispatcherOptions) {
    this.#offers = offers
    this.#options = options
  }

  get timeouts(): JobTimeouts {
    return this.#options.timeouts
  }

  get byteStreams(): boolean {
    return this.#options.byteStreams
  }

  now(): number {
    return this.#options.now()
  }

  get jobsInFlight(): number {
    return this.#jobs.size
  }

  /** Jobs that wait for a provider to have room. */
  get jobsWaiting(): number {
    return this.#queue.size
  }

  /** Ended jobs whose clients wait for a verdict. */
  get verdictsAwaited(): number {
    return this.#waiting.size
  }

  /** Runs a job; resolves with its first bytes, its whole JSON answer, or its error. */
  submit(order: JobOrder, options: { readonly mayWait: boolean }): Promise<JobAnswer> {
    const run = new JobRun(order, this, options)
    const isFull = this.#jobs.size + this.#waiting.size >= MAX_JOBS
    if (isFull) return run.refuse(apiErrors.overloaded(BUSY_RETRY_AFTER_MS))
    this.#jobs.set(order.job, run)
    const answer = run.start()
    this.#sweepLater()
    return answer
  }

  cancel(job: JobId, reason: string): void {
    const run = this.#jobs.get(job) ?? this.#waiting.get(job)
    run?.cancel(reason)
  }

  choose(run: JobRun): ProviderSession | 'full' | ApiError {
    // Those that wait already come first.
    if (run.isNew && this.#queue.lengthOf(run.order.model) > 0) return 'full'
    return this.#match(run)
  }

  #match(run: JobRun): ProviderSession | 'full' | ApiError {
    const { order, excluded, task } = run
    const match = chooseProvider(
      this.#offers.shelf(order.model),
      { ...task.rules, exclude: excluded },
      { now: this.now(), affinity: this.#affinity.find(order) },
      this.#options.random,
    )
    if (match.found) return match.provider.session
    if (match.why === 'full' || this.#isAwaited(run)) return 'full'
    if (match.why === 'unsuitable') this.#unmet(run, 'unsuitable')
    const triedAll = match.why === 'none' && excluded.size > 0
    return matchError(order.model, task.rules, match, triedAll)
  }

  /** Its provider may be back in a moment: only the line was cut. */
  #isAwaited({ mayWait, returnsUntil }: JobRun): boolean {
    return mayWait && this.now() < returnsUntil
  }

  queue(run: JobRun): ApiError | undefined {
    const { model, accountId } = run.order
    const deadline = Math.min(run.deadline, this.now() + QUEUE_WAIT_MS)
    if (run.mayWait && this.#queue.add(run, { model, accountId, deadline })) {
      this.#wake(model)
      return undefined
    }
    this.#unmet(run, 'full')
    return run.mayWait
      ? apiErrors.queueFull(this.#queue.size, BUSY_RETRY_AFTER_MS)
      : apiErrors.overloaded(BUSY_RETRY_AFTER_MS)
  }

  /** A job that may not wait goes on to another shard, which may have somebody. */
  #unmet({ order, mayWait }: JobRun, reason: UnmetReason): void {
    if (mayWait) this.#options.unmet(order.model, reason)
  }

  /** A provider has a slot more, or offers something else. */
  roomChanged(session: ProviderSession): void {
    this.#offers.load(session)
    if (this.#queue.size > 0) for (const { id } of session.capability.models) this.#wake(id)
  }

  /** A provider has told of other slots, a fuller cache or an empty one. */
  loadTold(session: ProviderSession): void {
    const { cacheSince, peer } = session
    if (cacheSince !== undefined) this.#affinity.cachedSince(peer, cacheSince)
    this.roomChanged(session)
  }

  /** Later in this turn, because whoever told us is in the middle of something. */
  #wake(model: string): void {
    if (this.#queue.lengthOf(model) === 0) return
    if (this.#waking === undefined) queueMicrotask(() => this.#placeWaiting())
    this.#waking ??= new Set()
    this.#waking.add(model)
  }

  #placeWaiting(): void {
    const models = this.#waking ?? []
    this.#waking = undefined
    for (const model of models) {
      this.#queue.wake(model, (run) => {
        const choice = this.#match(run)
        if (choice === 'full') return false
        run.place(choice)
        return true
      })
    }
  }

  silent(session: ProviderSession): void {
    this.#options.silent(session)
  }

  linger(attempt: Attempt): void {
    this.#lingering.add(attempt)
  }

  hedgeDelayMs({ session, run }: Attempt): number | undefined {
    return hedgeDelayMs(this.#offers.find(run.order.model, session.peer)?.stats)
  }

  answering({ session, run: { order } }: Attempt, ms: number): void {
    this.#affinity.served(order, session.peer)
    const now = this.now()
    // The first byte of a JSON answer is its last too.
    if (order.stream) this.#offers.find(order.model, session.peer)?.statsNow(now).firstByte(ms, now)
  }

  failed({ session, run }: Attempt): void {
    const now = this.now()
    this.#offers.find(run.order.model, session.peer)?.statsNow(now).failed(now)
  }

  ended(run: JobRun, record: JobRecord, legs: readonly Leg[]): SelectedAnswer | undefined {
    this.#jobs.delete(run.order.job)
    this.#queue.remove(run)
    this.#learn(record, legs.at(-1))
    return this.#options.ended(record, legs, run)
  }

  waiting(run: JobRun): void {
    this.#waiting.set(run.order.job, run)
    this.#sweepLater()
  }

  told(run: JobRun): void {
    this.#waiting.delete(run.order.job)
  }

  #learn(record: JobRecord, leg: Leg | undefined): void {
    if (record.status !== 'completed' || leg === undefined) return
    const now = this.now()
    const before = record.priorLegs.reduce((sum, prior) => sum + prior.completionTokens, 0)
    const tokens = record.completionTokens - before
    const ms = now - leg.attempt.offeredAt
    const { session } = leg.attempt
    this.#offers.find(record.model, session.peer)?.statsNow(now).completed({ tokens, ms }, now)
  }

  #sweepLater(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    this.#options.later(() => {
      this.#sweeping = false
      this.#sweep(this.now())
      if (this.#jobs.size + this.#waiting.size + this.#lingering.size > 0) this.#sweepLater()
    }, SWEEP_INTERVAL_MS)
  }

  #sweep(now: number): void {
    for (const run of this.#jobs.values()) run.sweep(now)
    for (const run of this.#waiting.values()) run.sweep(now)
    for (const attempt of this.#lingering) {
      if (attempt.state !== 'closed' && now >= attempt.deadline) attempt.on('timeout')
      if (attempt.state === 'closed') this.#lingering.delete(attempt)
    }
    for (const run of this.#queue.expire(now)) {
      this.#unmet(run, 'full')
      run.giveUp(apiErrors.queueTimeout(QUEUE_WAIT_MS, BUSY_RETRY_AFTER_MS))
    }
    // Who was busy may not be any more, and says nothing then.
    for (const model of this.#queue.models()) this.#wake(model)
  }
}
