import type { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { VerificationNote } from '@infernet/openai-compat/verification-note'
import { leaseOf } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { Busy, End, JobError } from '@infernet/schemas/wire'
import type { SelectedAnswer } from '../audit/audit-case.ts'
import { MIN_BUSY_MS, RETURN_WAIT_MS } from '../limits.ts'
import type { JobAnswer, JobOrder } from '../ports.ts'
import type { AnswerOwner } from './answer-owner.ts'
import type { Attempt } from './attempt.ts'
import { ClientAnswer } from './client-answer.ts'
import { ENGINE_REFUSED, engineRefused } from './job-errors.ts'
import type { JobHost } from './job-host.ts'
import { JobLeases } from './job-leases.ts'
import { jobRecord } from './job-record.ts'
import { remainingTask, wholeTask, type JobTask } from './job-task.ts'
import { acceptWaitMs, firstByteWaitMs } from './job-timeouts.ts'
import { JobTries } from './job-tries.ts'
import type { ProviderSession } from './provider-session.ts'
import { routingMetadata, type RoutingMetadata } from './routing-metadata.ts'
import type { StreamAnswer } from './stream-answer.ts'
import { unverified, verdictDueAt, VerdictWait } from './verdict-wait.ts'

/**
 * One job from its order to its record: offers it to providers until one has begun to answer, brings
 * in another when that one fails, passes the answer on, and settles exactly once. Driven by events;
 * nothing here waits, and nothing per chunk is parsed or copied.
 */
export class JobRun implements AnswerOwner {
  readonly order: JobOrder
  /** It may wait for a provider that has no room now. */
  readonly mayWait: boolean
  /** ms since the epoch. */
  readonly deadline: number
  readonly #host: JobHost
  #task: JobTask
  #returnsUntil = 0
  readonly #tries = new JobTries()
  readonly #leases = new JobLeases()
  /** The answering provider has failed, and what it sent before is on its way to the client. */
  #broken = false
  readonly #answer: ClientAnswer
  /** The answer's, at hand for every chunk. */
  readonly #stream: StreamAnswer | undefined
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
    this.#answer = new ClientAnswer(order, this, { byteStream: host.byteStreams, now })
    this.#stream = this.#answer.stream
  }

  /** All its leases, in order. */
  get attempts(): readonly Attempt[] {
    return this.#leases.all
  }

  /** Peer ids: providers that it is not offered to any more. */
  get excluded(): ReadonlySet<string> {
    return this.#tries.excluded
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
    return this.#tries.offers === 0
  }

  /** Resolves with the first bytes of a stream, a whole JSON answer, or the error. */
  start(): Promise<JobAnswer> {
    this.offer()
    return this.#answer.first
  }

  /** Ends a job that the hub has no room for. */
  refuse(error: ApiError): Promise<JobAnswer> {
    this.giveUp(error)
    return this.#answer.first
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
    return !this.#tries.isSpent && this.#host.now() < this.deadline
  }

  /** The job gets no (further) provider. */
  giveUp(error?: ApiError): void {
    this.#fail(this.#tries.lastError ?? error ?? apiErrors.providerFailed())
  }

  #lease(session: ProviderSession): void {
    const now = this.#host.now()
    const offers = this.#tries.offered()
    const attempt = session.offer(this, {
      lease: leaseOf(this.order.job, (this.order.leasesBefore ?? 0) + offers),
      timeLeftMs: this.deadline - now,
      task: this.#task,
    })
    attempt.offeredAt = now
    const wait = acceptWaitMs(this.#host.timeouts, this.#task.body.length)
    attempt.expect(now, wait, this.deadline)
    this.#leases.add(attempt)
  }

  onAccept(attempt: Attempt): void {
    attempt.on('accept')
    if (attempt.state !== 'accepted') return
    const wait = firstByteWaitMs(this.#host.timeouts, this.order.stream)
    attempt.expect(this.#host.now(), wait, this.deadline)
  }

  onBusy(attempt: Attempt, busy: Busy): void {
    attempt.on('busy')
    const wait = Math.max(MIN_BUSY_MS, busy.retry_after_ms)
    attempt.session.busyUntil = this.#host.now() + wait
    if (!this.#leases.leave(attempt)) return
    this.#tries.busy(apiErrors.overloaded(wait))
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
      this.#answer.open(stream, attempt)
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

  #collect(attempt: Attempt, payload: Uint8Array): void {
    if (this.#answer.collect(payload)) return attempt.returnWindow(payload.length)
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
    if (attempt.state !== 'closed') attempt.revoke('malformed stream')
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
    if (this.#stream !== undefined) return this.#stream.finish()
    const isUsable = this.#answer.sendWhole(attempt.session.peer)
    if (!isUsable) this.#failedWith(attempt, apiErrors.providerFailed())
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

  whenVerified(tell: (note: VerificationNote) => void): void {
    const lease = this.#record?.lease ?? null
    if (this.#selected === undefined) return tell(unverified(lease))
    const until = verdictDueAt(this.order, this.#host.now(), this.deadline)
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
    if (this.#cancelReason === undefined) this.#answer.keepAlive(now)
  }

  #sweepWait(wait: VerdictWait, now: number): void {
    wait.sweep(now)
    if (this.#wait === undefined) return
    if (this.#stream === undefined) return
    // A client that does not even read the end is let go.
    if (now >= this.deadline) return this.#stopWaiting('deadline')
    this.#answer.keepAlive(now)
  }

  #stopWaiting(reason: string): void {
    this.told()
    this.#answer.abort(reason)
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
    if (!this.#tries.mayHedge) return
    this.#tries.exclude(slow.session.peer)
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
    this.#answer.abort(reason)
    for (const attempt of this.#leases.takeCandidates()) this.#callBack(attempt, reason)
    const attempt = this.#leases.answerer
    if (attempt === undefined || attempt.state === 'closed') return void this.#settleCancelled()
    // It may still tell what it has done until now.
    attempt.callBack(reason, this.#host.now(), this.#host.timeouts.cancelGraceMs)
  }

  hungUp(): void {
    this.cancel('client_disconnected')
  }

  /** See {@link ClientAnswer.deliveredText}. */
  deliveredText(leg = 0): string | undefined {
    return this.#answer.deliveredText(leg)
  }

  /** UTF-8 bytes of content, thoughts and calls that went to the client from one provider, the first of whom is 0. */
  deliveredBytes(leg = 0): number | undefined {
    return this.#answer.delivered[leg]?.contentBytes
  }

  /** True when the job was cancelled, and is settled now. */
  #settleCancelled(): boolean {
    if (this.#cancelReason === undefined) return false
    this.#settle('cancelled', this.#cancelReason)
    return true
  }

  /** Takes a lease back whose result nobody needs. */
  #callBack(attempt: Attempt, reason: string): void {
    attempt.callBack(reason, this.#host.now(), this.#host.timeouts.cancelGraceMs)
    this.#host.linger(attempt)
  }

  /** Takes a lease away from a provider that fails it. */
  #revoke(attempt: Attempt, reason: string, error: ApiError): void {
    attempt.revoke(reason)
    this.#failedWith(attempt, error)
  }

  /** The provider failed the lease: another may do better. */
  #failedWith(attempt: Attempt, error: ApiError, mayReturn = false): void {
    this.#blame(attempt, error, mayReturn)
    if (attempt !== this.#leases.answerer) return this.#goOn()
    this.#broken = true
    // What it sent well is the client's, and it is paid for that.
    if (this.#stream !== undefined) return this.#stream.breakOff(error)
    this.#answer.drop()
    this.#firstByteAt = undefined
    this.#nextAnswerer(false)
  }

  #blame(attempt: Attempt, error: ApiError, mayReturn = false): void {
    this.#leases.leave(attempt)
    this.#tries.failed(attempt.session.peer, error, mayReturn)
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
    this.#answer.fail(error, code)
  }

  /** Makes the record and settles it, once; a later call returns the first one's record. */
  #settle(status: 'completed' | 'cancelled' | 'failed', errorCode: string | null): JobRecord {
    if (this.#record !== undefined) return this.#record
    const { legs } = this.#leases
    this.#record = jobRecord({
      order: this.order,
      status,
      errorCode,
      finishReason: this.#answer.finishReason,
      generationId: this.#answer.generationId,
      attempts: this.#tries.offers,
      legs,
      delivered: this.#answer.delivered,
      firstByteAt: this.#firstByteAt,
      now: this.#host.now(),
    })
    this.#selected = this.#host.ended(this, this.#record, legs)
    return this.#record
  }
}
