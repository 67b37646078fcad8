import { streamErrorEvent, type ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { doneEvent, encodeData } from '@infernet/openai-compat/sse-encoder'
import { usageChunk } from '@infernet/openai-compat/chat-chunk'
import type { ChunkHead } from '@infernet/openai-compat/chat-types'
import { meterCompletion } from '@infernet/openai-compat/completion-meter'
import { StreamMeter } from '@infernet/openai-compat/stream-meter'
import { makeUsage } from '@infernet/openai-compat/usage'
import { leaseOf } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { MAX_ANSWER_BYTES } from '@infernet/schemas/limits'
import type { Busy, End, JobError } from '@infernet/schemas/wire'
import {
  BUSY_RETRY_AFTER_MS,
  MAX_ATTEMPTS,
  NO_PROVIDER_RETRY_AFTER_MS,
  SLOWEST_DOWNLINK_BYTES_PER_MS,
} from '../limits.ts'
import type { JobAnswer, JobOrder } from '../ports.ts'
import type { Attempt } from './attempt.ts'
import { clientClosed, engineRefused, fieldsOf } from './job-errors.ts'
import { jobRecord, type Delivered } from './job-record.ts'
import { concatenate, JobBody } from './job-body.ts'
import type { JobTimeouts } from './job-timeouts.ts'
import type { Refusal } from './matcher.ts'
import type { ProviderSession } from './provider-session.ts'

/** Recorded when an engine refused a request: its own code is a stranger's text, and only the client gets it. */
const ENGINE_REFUSED = 'engine_refused'

/** What a job needs of its hub. */
export interface JobHost {
  readonly timeouts: JobTimeouts
  readonly byteStreams: boolean
  now(): number
  /** A provider that may take this job and has not failed it before. */
  choose(order: JobOrder, failed: ReadonlySet<string>): ProviderSession | Refusal
  /** The provider neither took nor refused an offered job. */
  silent(session: ProviderSession): void
  ended(run: JobRun, record: JobRecord): void
}

/**
 * One job from its order to its record: offers it to providers one after another until one has
 * begun to answer, passes the answer on, and settles exactly once. Driven by events; nothing here
 * waits, and nothing per chunk is parsed or copied.
 */
export class JobRun {
  readonly order: JobOrder
  readonly #host: JobHost
  readonly #deadline: number
  readonly #failed = new Set<string>()
  #attempts = 0
  #attempt: Attempt | undefined
  #lastError: ApiError | undefined
  readonly #answer = Promise.withResolvers<JobAnswer>()
  #body: JobBody | undefined
  #json: Uint8Array[] = []
  #jsonBytes = 0
  #jsonDelivered: Delivered | undefined
  readonly #meter: StreamMeter
  #end: End | undefined
  #firstByteAt: number | undefined
  #cancelReason = 'cancelled'
  #record: JobRecord | undefined

  constructor(order: JobOrder, host: JobHost) {
    this.order = order
    this.#host = host
    this.#meter = new StreamMeter({ choices: order.n })
    this.#deadline = host.now() + host.timeouts.deadlineMs
  }

  /** Resolves with the first bytes of a stream, a whole JSON answer, or the error. */
  start(): Promise<JobAnswer> {
    this.#offer()
    return this.#answer.promise
  }

  /** Ends a job that the hub has no room for. */
  refuse(error: ApiError): Promise<JobAnswer> {
    this.#fail(error)
    return this.#answer.promise
  }

  #offer(): void {
    const { order } = this
    const now = this.#host.now()
    if (this.#attempts >= MAX_ATTEMPTS || now >= this.#deadline) return this.#giveUp()
    const session = this.#host.choose(order, this.#failed)
    if (session === 'none')
      return this.#giveUp(apiErrors.noProvider(order.model, NO_PROVIDER_RETRY_AFTER_MS))
    if (session === 'full') return this.#giveUp(apiErrors.overloaded(BUSY_RETRY_AFTER_MS))
    this.#attempts++
    this.#attempt = session.offer(this, {
      lease: leaseOf(order.job, this.#attempts),
      timeLeftMs: this.#deadline - now,
    })
    const transferMs = order.body.length / SLOWEST_DOWNLINK_BYTES_PER_MS
    this.#attempt.expect(now, this.#host.timeouts.acceptMs + transferMs, this.#deadline)
  }

  #giveUp(error?: ApiError): void {
    this.#fail(this.#lastError ?? error ?? apiErrors.providerFailed())
  }

  onAccept(attempt: Attempt): void {
    attempt.on('accept')
    const { timeouts } = this.#host
    const wait = this.order.stream ? timeouts.firstByteMs : timeouts.wholeAnswerMs
    if (attempt.state === 'accepted') attempt.expect(this.#host.now(), wait, this.#deadline)
  }

  onBusy(attempt: Attempt, busy: Busy): void {
    attempt.on('busy')
    if (this.#settleCancelled(attempt)) return
    this.#retry(attempt, apiErrors.overloaded(busy.retry_after_ms))
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
    this.#firstByteAt ??= this.#host.now()
    if (this.order.stream) this.#streamData(attempt, payload)
    else this.#collectData(attempt, payload)
    return true
  }

  #streamData(attempt: Attempt, payload: Uint8Array): void {
    attempt.expect(this.#host.now(), this.#host.timeouts.idleMs, this.#deadline)
    if (this.#body === undefined) {
      this.#body = new JobBody({
        byteStream: this.#host.byteStreams,
        onDeliver: (chunk) => this.#deliver(chunk),
        onCancel: () => this.cancel('client_disconnected'),
      })
      this.#answer.resolve({
        kind: 'stream',
        provider: attempt.session.peer,
        body: this.#body.stream,
      })
    }
    this.#body.write(payload)
  }

  /** Meters what the client gets now. A provider that breaks the format is stopped here. */
  #deliver(chunk: Uint8Array): Uint8Array {
    const bytes = this.#meter.push(chunk)
    const attempt = this.#attempt
    attempt?.returnWindow(chunk.length)
    if (this.#meter.fault !== undefined || this.#meter.error !== undefined) {
      if (attempt !== undefined && attempt.state !== 'closed') {
        attempt.session.sendCancel(attempt.channel, 'malformed stream')
        attempt.on('timeout')
      }
      this.#body?.end(() => this.#brokenStream(apiErrors.providerFailed()))
    }
    return bytes
  }

  /** Hands over what one message of the provider brought, in one piece. */
  flush(): void {
    this.#body?.flush()
  }

  #collectData(attempt: Attempt, payload: Uint8Array): void {
    this.#jsonBytes += payload.length
    if (this.#jsonBytes > MAX_ANSWER_BYTES) {
      attempt.session.sendCancel(attempt.channel, 'answer too large')
      attempt.on('timeout')
      return this.#retry(attempt, apiErrors.providerFailed())
    }
    this.#json.push(payload)
    attempt.returnWindow(payload.length)
  }

  onEnd(attempt: Attempt, end: End): void {
    attempt.on('end')
    this.#end = end
    if (this.#settleCancelled(attempt)) return
    if (this.order.stream) this.#endStream(attempt)
    else this.#endJson(attempt)
  }

  #endStream(attempt: Attempt): void {
    if (this.#body === undefined) return this.#retry(attempt, apiErrors.providerFailed())
    this.#body.end(() => {
      // Only now has everything been handed over, so only now is it known what was delivered.
      if (!this.#meter.complete) return this.#brokenStream(apiErrors.providerFailed())
      return this.#cleanEnd(this.#settle('completed', null))
    })
  }

  /** The usage chunk, if the client asked for it, with exactly what is billed; then `[DONE]`. */
  #cleanEnd(record: JobRecord): Uint8Array {
    if (!this.order.includeUsage) return doneEvent()
    const usage = makeUsage(record.promptTokens, record.completionTokens)
    return concatenate([encodeData(usageChunk(this.#head(), usage)), doneEvent()])
  }

  #endJson(attempt: Attempt): void {
    const body = concatenate(this.#json)
    this.#json = []
    const facts = meterCompletion(body)
    if (facts === undefined || facts.finishReasons.length < this.order.n) {
      return this.#retry(attempt, apiErrors.providerFailed())
    }
    const { usage, contentBytes } = facts
    this.#jsonDelivered = { usage, contentEvents: contentBytes > 0 ? 1 : 0, contentBytes }
    this.#answer.resolve({ kind: 'json', provider: attempt.session.peer, body })
    this.#settle('completed', null)
  }

  onError(attempt: Attempt, error: JobError): void {
    attempt.on('error')
    if (this.#settleCancelled(attempt)) return
    if (error.fault === 'provider') return this.#retry(attempt, apiErrors.providerFailed())
    const refused = engineRefused(error)
    if (this.#body === undefined) this.#fail(refused, ENGINE_REFUSED)
    else this.#breakStream(refused, ENGINE_REFUSED)
  }

  /** The connection is gone, or the lease ran out of time: another provider may do better. */
  onLost(attempt: Attempt): void {
    attempt.on('lost')
    if (this.#settleCancelled(attempt)) return
    this.#retry(attempt, apiErrors.providerFailed())
  }

  /** Called by the hub's sweep; takes the lease away when its time is over. */
  sweep(now: number): void {
    const attempt = this.#attempt
    if (attempt === undefined || attempt.state === 'closed') {
      if (now >= this.#deadline) this.cancel('deadline')
    } else if (now >= attempt.deadline) {
      this.#overdue(attempt)
    }
  }

  #overdue(attempt: Attempt): void {
    if (attempt.state === 'offered') return this.#host.silent(attempt.session)
    const now = this.#host.now()
    // The provider waits for credit, and the credit for a client that reads slowly: nobody's fault.
    if (attempt.starved && now < this.#deadline) {
      return attempt.expect(now, this.#host.timeouts.idleMs, this.#deadline)
    }
    const { cancelled } = attempt
    if (!cancelled) attempt.session.sendCancel(attempt.channel, 'timeout')
    attempt.on('timeout')
    if (cancelled) this.#settle('cancelled', this.#cancelReason)
    else this.#retry(attempt, apiErrors.providerTimeout(attempt.waitMs))
  }

  /** Stops the job at once, wherever it is; what was delivered until now is billed. */
  cancel(reason: string): void {
    if (this.#record !== undefined) return
    this.#answer.resolve({ kind: 'error', error: fieldsOf(clientClosed()) })
    this.#body?.abort(reason)
    const attempt = this.#attempt
    if (attempt === undefined || attempt.state === 'closed')
      return void this.#settle('cancelled', reason)
    if (attempt.state === 'cancelling') return
    this.#cancelReason = reason
    attempt.session.sendCancel(attempt.channel, reason)
    attempt.on('cancel')
    attempt.expect(this.#host.now(), this.#host.timeouts.cancelGraceMs, Number.POSITIVE_INFINITY)
  }

  /** A lease that we cancelled is over; true when that settled the job. */
  #settleCancelled(attempt: Attempt): boolean {
    if (!attempt.cancelled) return false
    this.#settle('cancelled', this.#cancelReason)
    return true
  }

  #retry(attempt: Attempt, error: ApiError): void {
    if (this.#body !== undefined) return this.#breakStream(error)
    this.#failed.add(attempt.session.peer)
    this.#lastError = error
    this.#json = []
    this.#jsonBytes = 0
    this.#end = undefined
    this.#firstByteAt = undefined
    this.#offer()
  }

  /** Ends a stream that has begun with an error in band: never a clean end. */
  #breakStream(error: ApiError, code = error.code): void {
    this.#body?.end(() => this.#brokenStream(error, code))
    this.#body?.flush()
  }

  #brokenStream(error: ApiError, code = error.code): Uint8Array {
    this.#settle('failed', code)
    return streamErrorEvent(error, this.#head())
  }

  /** The head of chunks that the edge writes itself: the engine's own, so that ids agree. */
  #head(): ChunkHead {
    const { job, createdAt, model } = this.order
    return this.#meter.head ?? { id: job, created: Math.floor(createdAt / 1000), model }
  }

  #fail(error: ApiError, code = error.code): void {
    this.#answer.resolve({ kind: 'error', error: fieldsOf(error) })
    this.#settle('failed', code)
  }

  /** Makes the record and settles it, once; a later call returns the first one's record. */
  #settle(status: 'completed' | 'cancelled' | 'failed', errorCode: string | null): JobRecord {
    if (this.#record !== undefined) return this.#record
    this.#record = jobRecord({
      order: this.order,
      status,
      errorCode,
      attempts: this.#attempts,
      attempt: this.#attempt,
      end: this.#end,
      delivered: this.#jsonDelivered ?? this.#meter,
      firstByteAt: this.#firstByteAt,
      now: this.#host.now(),
    })
    this.#host.ended(this, this.#record)
    return this.#record
  }
}
