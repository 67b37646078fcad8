import type { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { StreamLeg } from '@infernet/openai-compat/stream-meter'
import type { VerificationNote } from '@infernet/openai-compat/verification-note'
import { leaseOf } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { MAX_COMPARED_TEXT_BYTES } from '@infernet/schemas/limits'
import type { Busy, End, JobError } from '@infernet/schemas/wire'
import type { SelectedAnswer } from '../audit/audit-desk.ts'
import {
  KEEP_ALIVE_MS,
  MAX_ATTEMPTS,
  MAX_OFFERS,
  MIN_BUSY_MS,
  RETURN_WAIT_MS,
  SLOWEST_DOWNLINK_BYTES_PER_MS,
  VERDICT_WAIT_MS,
} from '../limits.ts'
import type { JobAnswer, JobOrder } from '../ports.ts'
import type { Attempt } from './attempt.ts'
import { clientClosed, engineRefused, fieldsOf } from './job-errors.ts'
import { JobLeases } from './job-leases.ts'
import { jobRecord, type Leg } from './job-record.ts'
import { JsonAnswer, type WholeAnswer } from './json-answer.ts'
import { remainingTask, wholeTask, type JobTask } from './job-task.ts'
import type { JobTimeouts } from './job-timeouts.ts'
import type { ProviderSession } from './provider-session.ts'
import { routingMetadata, type RoutingMetadata } from './routing-metadata.ts'
import { StreamAnswer, type StreamOwner } from './stream-answer.ts'
import { isStrict, unverified, VerdictWait, verificationError } from './verdict-wait.ts'

/** Recorded when an engine refused a request: its own code is a stranger's text, and only the client gets it. */
export const ENGINE_REFUSED = 'engine_refused'

/** What a job needs of its hub. */
export interface JobHost {
  readonly timeouts: JobTimeouts
  readonly byteStreams: boolean
  now(): number
  /** A provider that may take this job now; or why there is none. */
  choose(run: JobRun): ProviderSession | 'full' | ApiError
  /** Keeps the job until a provider has room for it, then calls {@link JobRun.place}; or why not. */
  queue(run: JobRun): ApiError | undefined
  /** The provider neither took nor refused an offered job. */
  silent(session: ProviderSession): void
  /** A lease was taken back; its slot is the provider's until it has said so, or its time is over. */
  linger(attempt: Attempt): void
  /** How long this provider's first byte usually takes at most; undefined while that is unknown. */
  hedgeDelayMs(attempt: Attempt): number | undefined
  /** The first byte came, `ms` after the offer. */
  answering(attempt: Attempt, ms: number): void
  failed(attempt: Attempt): void
  /** The audit of its answer, if it was selected for one. */
  ended(run: JobRun, record: JobRecord, legs: readonly Leg[]): SelectedAnswer | undefined
  /** It has ended, and its client waits for the verdict: it is still to be swept, and may be cancelled. */
  waiting(run: JobRun): void
  /** Its client waits no more. */
  told(run: JobRun): void
}

/**
 * One job from its order to its record: offers it to providers until one has begun to answer, brings
 * in another when that one fails, passes the answer on, and settles exactly once. Driven by events;
 * nothing here waits, and nothing per chunk is parsed or copied.
 */
export class JobRun implements StreamOwner {
  readonly order: JobOrder
  /** It may wait for a provider that has no room now. */
  readonly mayWait: boolean
  /** Providers that this job is not offered to any more. */
  readonly excluded = new Set<string>()
  #returnsUntil = 0
  /** ms since the epoch. */
  readonly deadline: number
  #task: JobTask
  readonly #host: JobHost
  #offers = 0
  #failures = 0
  readonly #leases = new JobLeases()
  /** The answering provider has failed, and what it sent before is on its way to the client. */
  #broken = false
  #lastError: ApiError | undefined
  readonly #answer = Promise.withResolvers<JobAnswer>()
  readonly #stream: StreamAnswer | undefined
  #opened = false
  readonly #json: JsonAnswer
  #whole: WholeAnswer | undefined
  #firstByteAt: number | undefined
  #cancelReason: string | undefined
  #record: JobRecord | undefined
  #selected: SelectedAnswer | undefined
  #wait: VerdictWait | undefined

  constructor(order: JobOrder, host: JobHost, options: { readonly mayWait: boolean }) {
    this.order = order
    this.mayWait = options.mayWait
    this.#host = host
    this.#task = wholeTask(order)
    const now = host.now()
    this.deadline = now + host.timeouts.deadlineMs
    this.#json = new JsonAnswer(order)
    if (order.stream) {
      this.#stream = new StreamAnswer(order, this, { byteStream: host.byteStreams, now })
    }
  }

  /** All its leases, in order. */
  get attempts(): readonly Attempt[] {
    return this.#leases.all
  }

  /** What a provider is offered now. */
  get task(): JobTask {
    return this.#task
  }

  get over(): boolean {
    return this.#record !== undefined
  }

  /** Until when whoever has lost its connection with this job may come back and go on, ms since the epoch. */
  get returnsUntil(): number {
    return this.#returnsUntil
  }

  /** It was never offered to anybody: it queues behind those that came before. */
  get isNew(): boolean {
    return this.#offers === 0
  }

  /** Resolves with the first bytes of a stream, a whole JSON answer, or the error. */
  start(): Promise<JobAnswer> {
    this.offer()
    return this.#answer.promise
  }

  /** Ends a job that the hub has no room for. */
  refuse(error: ApiError): Promise<JobAnswer> {
    this.giveUp(error)
    return this.#answer.promise
  }

  /** Offers the job to the next provider, or lets it wait for one. */
  offer(): void {
    if (!this.#mayOffer()) return this.giveUp()
    const choice = this.#host.choose(this)
    if (choice !== 'full') return this.place(choice)
    const refusal = this.#host.queue(this)
    if (refusal !== undefined) this.giveUp(refusal)
  }

  /** Somebody has room for the job, or nobody ever will. Called by the hub for a job that waits. */
  place(choice: ProviderSession | ApiError): void {
    if (choice instanceof Error) this.giveUp(choice)
    else if (this.#mayOffer()) this.#lease(choice)
    else this.giveUp()
  }

  #mayOffer(): boolean {
    const isTired = this.#failures >= MAX_ATTEMPTS || this.#offers >= MAX_OFFERS
    return !isTired && this.#host.now() < this.deadline
  }

  /** The job gets no (further) provider. */
  giveUp(error?: ApiError): void {
    this.#fail(this.#lastError ?? error ?? apiErrors.providerFailed())
  }

  #lease(session: ProviderSession): void {
    const now = this.#host.now()
    this.#offers++
    const attempt = session.offer(this, {
      lease: leaseOf(this.order.job, (this.order.leasesBefore ?? 0) + this.#offers),
      timeLeftMs: this.deadline - now,
      task: this.#task,
    })
    attempt.offeredAt = now
    const transferMs = this.#task.body.length / SLOWEST_DOWNLINK_BYTES_PER_MS
    attempt.expect(now, this.#host.timeouts.acceptMs + transferMs, this.deadline)
    this.#leases.add(attempt)
  }

  onAccept(attempt: Attempt): void {
    attempt.on('accept')
    if (attempt.state !== 'accepted') return
    const { timeouts } = this.#host
    const wait = this.#stream === undefined ? timeouts.wholeAnswerMs : timeouts.firstByteMs
    attempt.expect(this.#host.now(), wait, this.deadline)
  }

  onBusy(attempt: Attempt, busy: Busy): void {
    attempt.on('busy')
    const wait = Math.max(MIN_BUSY_MS, busy.retry_after_ms)
    attempt.session.busyUntil = this.#host.now() + wait
    if (!this.#leases.leave(attempt)) return
    this.#lastError = apiErrors.overloaded(wait)
    this.#goOn()
  }

  onHead(attempt: Attempt): void {
    attempt.on('head')
  }

  /** `payload` is the job's to keep. Returns false when the provider overran its window. */
  onData(attempt: Attempt, payload: Uint8Array): boolean {
    attempt.on('data')
    // Empty frames spend no window, so they must neither queue up nor count as a sign of life.
    if (attempt.state === 'cancelling' || payload.length === 0) return true
    if (!attempt.spendWindow(payload.length)) return false
    if (this.#leases.answerer === undefined) this.#answers(attempt)
    const stream = this.#stream
    if (stream === undefined) this.#collect(attempt, payload)
    else {
      const now = this.#host.now()
      attempt.expect(now, this.#host.timeouts.idleMs, this.deadline)
      stream.write(payload, now)
      this.#open(stream, attempt)
    }
    return true
  }

  /** The first provider with bytes wins; a slower one is called back. */
  #answers(attempt: Attempt): void {
    const now = this.#host.now()
    attempt.firstByteAt = now
    this.#firstByteAt ??= now
    this.#host.answering(attempt, now - attempt.offeredAt)
    for (const slower of this.#leases.answers(attempt)) this.#callBack(slower, 'hedged')
  }

  #open(stream: StreamAnswer, attempt?: Attempt): void {
    if (this.#opened) return
    this.#opened = true
    this.#answer.resolve({
      kind: 'stream',
      provider: attempt?.session.peer,
      body: stream.stream,
    })
  }

  #collect(attempt: Attempt, payload: Uint8Array): void {
    if (this.#json.write(payload)) return attempt.returnWindow(payload.length)
    this.#revoke(attempt, 'answer too large', apiErrors.providerFailed())
  }

  /** Hands over what one message of the provider brought, in one piece. */
  flush(): void {
    this.#stream?.flush()
  }

  taken(bytes: number): void {
    this.#leases.answerer?.returnWindow(bytes)
  }

  streamBroke(error: ApiError): void {
    const attempt = this.#leases.answerer
    if (attempt === undefined || this.over) return
    if (attempt.state !== 'closed') {
      attempt.session.sendCancel(attempt.channel, 'malformed stream')
      attempt.on('timeout')
    }
    if (!this.#broken) this.#blame(attempt, error)
    this.#resume(error)
  }

  onEnd(attempt: Attempt, end: End): void {
    attempt.on('end')
    if (attempt !== this.#leases.answerer) {
      // A provider that ends without a byte has failed; one that was called back is done.
      if (this.#leases.isCandidate(attempt)) this.#failedWith(attempt, apiErrors.providerFailed())
      return
    }
    this.#leases.ended(end)
    if (this.#settleCancelled()) return
    if (this.#stream === undefined) this.#endJson(attempt)
    else this.#stream.finish()
  }

  delivered(): JobRecord {
    return this.#settle('completed', null)
  }

  undelivered(code: string | null): void {
    this.#settle('failed', code)
  }

  routing(): RoutingMetadata | undefined {
    return routingMetadata(this.order, this.attempts, this.#leases.answerer)
  }

  #endJson(attempt: Attempt): void {
    const whole = this.#json.finish()
    if (whole === undefined) return this.#failedWith(attempt, apiErrors.providerFailed())
    this.#whole = whole
    const record = this.#settle('completed', null)
    const provider = attempt.session.peer
    const answer = (note?: VerificationNote): void => {
      const body = whole.billed(record, this.routing(), note)
      this.#answer.resolve({ kind: 'json', provider, body })
    }
    if (!isStrict(this.order)) return answer()
    this.whenVerified((note) => {
      this.told()
      const error = verificationError(this.order.job, note)
      if (error === undefined) answer(note)
      else this.#answer.resolve({ kind: 'error', error: fieldsOf(error) })
    })
  }

  whenVerified(tell: (note: VerificationNote) => void): void {
    const lease = this.#record?.lease ?? null
    if (this.#selected === undefined) return tell(unverified(lease))
    const now = this.#host.now()
    const { waitMs } = this.order.verification ?? {}
    const until =
      waitMs === undefined ? Math.min(now + VERDICT_WAIT_MS, this.deadline) : now + waitMs
    this.#wait = new VerdictWait(this.#selected, { lease, until, tell })
    this.#host.waiting(this)
  }

  told(): void {
    if (this.#wait === undefined) return
    this.#wait.cancel()
    this.#wait = undefined
    this.#host.told(this)
  }

  onError(attempt: Attempt, error: JobError): void {
    attempt.on('error')
    if (attempt === this.#leases.answerer && this.#settleCancelled()) return
    if (!this.#leases.isLive(attempt)) return
    if (error.fault === 'provider') return this.#failedWith(attempt, apiErrors.providerFailed())
    this.#leases.leave(attempt)
    this.#fail(engineRefused(error), ENGINE_REFUSED)
  }

  /** The connection is gone: another provider may do better, or the same when it is back, if it `mayReturn`. */
  onLost(attempt: Attempt, mayReturn: boolean): void {
    attempt.on('lost')
    if (attempt === this.#leases.answerer && this.#settleCancelled()) return
    if (!this.#leases.isLive(attempt)) return
    if (mayReturn) this.#returnsUntil = this.#host.now() + RETURN_WAIT_MS
    this.#failedWith(attempt, apiErrors.providerFailed(), mayReturn)
  }

  /** Called by the hub's sweep: deadlines, hedging, and a sign of life for the client. */
  sweep(now: number): void {
    if (this.#wait !== undefined) return this.#sweepWait(this.#wait, now)
    for (const attempt of this.#leases.live)
      if (now >= attempt.deadline) this.#overdue(attempt, now)
    if (this.over) return
    if (now >= this.deadline) return this.#late(now)
    this.#hedge(now)
    const stream = this.#stream
    if (stream === undefined || this.#cancelReason !== undefined) return
    if (now - this.order.createdAt >= KEEP_ALIVE_MS) this.#open(stream)
    if (this.#opened) stream.keepAlive(now, KEEP_ALIVE_MS)
  }

  #sweepWait(wait: VerdictWait, now: number): void {
    wait.sweep(now)
    if (this.#wait === undefined) return
    const stream = this.#stream
    if (stream === undefined) return
    // A client that does not even read the end is let go.
    if (now >= this.deadline) return this.#stopWaiting('deadline')
    stream.keepAlive(now, KEEP_ALIVE_MS)
  }

  #stopWaiting(reason: string): void {
    this.told()
    this.#answer.resolve({ kind: 'error', error: fieldsOf(clientClosed()) })
    this.#stream?.abort(reason)
  }

  /** Out of time: says so in band, and lets go of a client that does not even read that. */
  #late(now: number): void {
    const isRead = this.#leases.answerer?.state !== 'closed'
    const last = this.deadline + this.#host.timeouts.cancelGraceMs
    if (!isRead || now >= last) return this.cancel('deadline')
    this.giveUp(apiErrors.providerTimeout(now - this.order.createdAt))
  }

  /** Asks a second provider when the first takes longer than it usually does. */
  #hedge(now: number): void {
    const { candidates } = this.#leases
    const [slow] = candidates
    if (slow === undefined || candidates.length > 1 || this.#stream === undefined) return
    const delay = this.#host.hedgeDelayMs(slow)
    if (delay === undefined || now - slow.offeredAt < delay) return
    if (this.#offers >= MAX_ATTEMPTS) return
    this.excluded.add(slow.session.peer)
    const session = this.#host.choose(this)
    if (session !== 'full' && !(session instanceof Error)) this.#lease(session)
  }

  #overdue(attempt: Attempt, now: number): void {
    if (attempt.state === 'closed') return
    if (attempt.state === 'offered') return this.#host.silent(attempt.session)
    // The provider waits for credit, and the credit for a client that reads slowly: nobody's fault.
    if (attempt.starved && now < this.deadline) {
      return attempt.expect(now, this.#host.timeouts.idleMs, this.deadline)
    }
    if (!attempt.cancelled) {
      return this.#revoke(attempt, 'timeout', apiErrors.providerTimeout(attempt.waitMs))
    }
    attempt.on('timeout')
    this.#settleCancelled()
  }

  /** Stops the job at once, wherever it is; what was delivered until now is billed. */
  cancel(reason: string): void {
    if (this.#wait !== undefined) return this.#stopWaiting(reason)
    if (this.over || this.#cancelReason !== undefined) return
    this.#cancelReason = reason
    this.#answer.resolve({ kind: 'error', error: fieldsOf(clientClosed()) })
    this.#stream?.abort(reason)
    for (const attempt of this.#leases.takeCandidates()) this.#callBack(attempt, reason)
    const attempt = this.#leases.answerer
    if (attempt === undefined || attempt.state === 'closed') return void this.#settleCancelled()
    // It may still tell what it has done until now.
    attempt.session.sendCancel(attempt.channel, reason)
    attempt.on('cancel')
    attempt.expect(this.#host.now(), this.#host.timeouts.cancelGraceMs, Number.POSITIVE_INFINITY)
  }

  hungUp(): void {
    this.cancel('client_disconnected')
  }

  /**
   * The content of the first choice as far as the client got it from one provider, the first of whom is 0; undefined
   * where it is not here any more. Decodes a stream's: ask once, when it is over.
   */
  deliveredText(leg = 0): string | undefined {
    const text = this.#stream === undefined ? this.#whole?.text : this.#stream.meter.contentOf(leg)
    return text === undefined || text.length > MAX_COMPARED_TEXT_BYTES ? undefined : text
  }

  /** UTF-8 bytes of content, thoughts and calls that went to the client from one provider, the first of whom is 0. */
  deliveredBytes(leg = 0): number | undefined {
    return this.#delivered[leg]?.contentBytes
  }

  get #delivered(): readonly StreamLeg[] {
    return this.#stream?.meter.legs ?? (this.#whole === undefined ? [] : [this.#whole.delivered])
  }

  /** True when the job was cancelled, and is settled now. */
  #settleCancelled(): boolean {
    if (this.#cancelReason === undefined) return false
    this.#settle('cancelled', this.#cancelReason)
    return true
  }

  /** Takes a lease back whose result nobody needs. */
  #callBack(attempt: Attempt, reason: string): void {
    attempt.session.sendCancel(attempt.channel, reason)
    attempt.on('cancel')
    attempt.expect(this.#host.now(), this.#host.timeouts.cancelGraceMs, Number.POSITIVE_INFINITY)
    this.#host.linger(attempt)
  }

  /** Takes a lease away from a provider that fails it. */
  #revoke(attempt: Attempt, reason: string, error: ApiError): void {
    attempt.session.sendCancel(attempt.channel, reason)
    attempt.on('timeout')
    this.#failedWith(attempt, error)
  }

  /** The provider failed the lease: another may do better. */
  #failedWith(attempt: Attempt, error: ApiError, mayReturn = false): void {
    this.#blame(attempt, error, mayReturn)
    if (attempt !== this.#leases.answerer) return this.#goOn()
    this.#broken = true
    // What it sent well is the client's, and it is paid for that.
    if (this.#stream !== undefined) return this.#stream.breakOff(error)
    this.#json.drop()
    this.#firstByteAt = undefined
    this.#nextAnswerer(false)
  }

  #blame(attempt: Attempt, error: ApiError, mayReturn = false): void {
    this.#leases.leave(attempt)
    this.#failures++
    this.#lastError = error
    if (!mayReturn) this.excluded.add(attempt.session.peer)
    this.#host.failed(attempt)
  }

  /** Puts the rest of a broken stream where another provider can take it up. */
  #resume(error: ApiError): void {
    const stream = this.#stream
    if (stream === undefined) return
    const { meter } = stream
    const rest = meter.continuable
      ? remainingTask(this.order, meter.text, meter.contentEvents)
      : undefined
    if (rest === undefined) return stream.fail(error)
    this.#task = rest
    stream.nextLeg()
    this.#nextAnswerer(true)
  }

  #nextAnswerer(isLeg: boolean): void {
    this.#leases.next(isLeg)
    this.#broken = false
    this.#goOn()
  }

  /** Offers the job elsewhere, unless a hedge is at it already. */
  #goOn(): void {
    if (this.#leases.candidates.length === 0) this.offer()
  }

  #fail(error: ApiError, code = error.code): void {
    for (const attempt of this.#leases.takeCandidates()) this.#callBack(attempt, 'given up')
    if (this.#stream !== undefined && this.#opened) return this.#stream.fail(error, code)
    this.#answer.resolve({ kind: 'error', error: fieldsOf(error) })
    this.#settle('failed', code)
  }

  /** Makes the record and settles it, once; a later call returns the first one's record. */
  #settle(status: 'completed' | 'cancelled' | 'failed', errorCode: string | null): JobRecord {
    if (this.#record !== undefined) return this.#record
    const { legs } = this.#leases
    const meter = this.#stream?.meter
    const whole = this.#whole
    this.#record = jobRecord({
      order: this.order,
      status,
      errorCode,
      finishReason: meter?.finishReasons.get(0) ?? whole?.finishReason ?? null,
      generationId: meter?.head?.id ?? whole?.id ?? null,
      attempts: this.#offers,
      legs,
      delivered: this.#delivered,
      firstByteAt: this.#firstByteAt,
      now: this.#host.now(),
    })
    this.#selected = this.#host.ended(this, this.#record, legs)
    return this.#record
  }
}
