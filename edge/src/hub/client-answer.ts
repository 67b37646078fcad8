import type { ApiError } from '@infernet/openai-compat/api-error'
import type { StreamLeg } from '@infernet/openai-compat/stream-meter'
import type { VerificationNote } from '@infernet/openai-compat/verification-note'
import type { JobRecord } from '@infernet/schemas/job-record'
import { MAX_COMPARED_TEXT_BYTES } from '@infernet/schemas/limits'
import type { PeerId } from '@infernet/schemas/peer-id'
import { KEEP_ALIVE_MS } from '../limits.ts'
import type { JobAnswer, JobOrder } from '../ports.ts'
import type { AnswerOwner } from './answer-owner.ts'
import type { Attempt } from './attempt.ts'
import { clientClosed, fieldsOf } from './job-errors.ts'
import { JsonAnswer, type WholeAnswer } from './json-answer.ts'
import { StreamAnswer } from './stream-answer.ts'
import { isStrict, verificationError } from './verdict-wait.ts'

/** What the client of one job gets: a stream, an answer in one piece, or an error in its place. */
export class ClientAnswer {
  /** Absent: the answer goes out in one piece. */
  readonly stream: StreamAnswer | undefined
  readonly #order: JobOrder
  readonly #owner: AnswerOwner
  readonly #first = Promise.withResolvers<JobAnswer>()
  readonly #json: JsonAnswer
  #isOpen = false
  #whole: WholeAnswer | undefined

  /** `byteStream`: see `JobBody`. `now` in ms since the epoch. */
  constructor(order: JobOrder, owner: AnswerOwner, options: { byteStream: boolean; now: number }) {
    this.#order = order
    this.#owner = owner
    this.#json = new JsonAnswer(order)
    if (order.stream) this.stream = new StreamAnswer(order, owner, options)
  }

  /** Resolves with the first bytes of a stream, a whole JSON answer, or the error. */
  get first(): Promise<JobAnswer> {
    return this.#first.promise
  }

  /** The client may read the stream from now on; `attempt`: whose bytes come first, where there are some. */
  open(stream: StreamAnswer, attempt?: Attempt): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#first.resolve({ kind: 'stream', provider: attempt?.session.peer, body: stream.stream })
  }

  /** A sign of life for a client that waits for its stream. `now` in ms since the epoch. */
  keepAlive(now: number): void {
    const { stream } = this
    if (stream === undefined) return
    if (now - this.#order.createdAt >= KEEP_ALIVE_MS) this.open(stream)
    if (this.#isOpen) stream.keepAlive(now, KEEP_ALIVE_MS)
  }

  /** Takes bytes of an answer in one piece; false when it has become too large to be kept. */
  collect(payload: Uint8Array): boolean {
    return this.#json.write(payload)
  }

  /** Forgets what a failed provider has sent of an answer in one piece. */
  drop(): void {
    this.#json.drop()
  }

  /** `provider` has sent an answer in one piece; false when that is not usable. */
  sendWhole(provider: PeerId): boolean {
    const whole = this.#json.finish()
    if (whole === undefined) return false
    this.#whole = whole
    const record = this.#owner.delivered()
    if (isStrict(this.#order)) this.#sendVerified(whole, record, provider)
    else this.#send(whole, record, provider)
    return true
  }

  #sendVerified(whole: WholeAnswer, record: JobRecord, provider: PeerId): void {
    this.#owner.whenVerified((note) => {
      this.#owner.told()
      const error = verificationError(this.#order.job, note)
      if (error === undefined) this.#send(whole, record, provider, note)
      else this.#refuse(error)
    })
  }

  #send(whole: WholeAnswer, record: JobRecord, provider: PeerId, note?: VerificationNote): void {
    const body = whole.billed(record, this.#owner.routing(), note)
    this.#first.resolve({ kind: 'json', provider, body })
  }

  /** Ends with an error: behind what is queued of a stream that the client reads, else in place of an answer. */
  fail(error: ApiError, code: string | null): void {
    if (this.#isOpen && this.stream !== undefined) return this.stream.fail(error, code)
    this.#refuse(error)
    this.#owner.undelivered(code)
  }

  /** Breaks off without an end: the client is gone. */
  abort(reason: string): void {
    this.#refuse(clientClosed())
    this.stream?.abort(reason)
  }

  /** Nobody hears of an error that comes after the first bytes. */
  #refuse(error: ApiError): void {
    this.#first.resolve({ kind: 'error', error: fieldsOf(error) })
  }

  /** Of its first choice. */
  get finishReason(): string | null {
    return this.stream?.meter.finishReasons.get(0) ?? this.#whole?.finishReason ?? null
  }

  /** The answer's own id; embeddings have none. */
  get generationId(): string | null {
    return this.stream?.meter.head?.id ?? this.#whole?.id ?? null
  }

  /** What each provider's part was, as far as it has gone to the client. */
  get delivered(): readonly StreamLeg[] {
    return this.stream?.meter.legs ?? (this.#whole === undefined ? [] : [this.#whole.delivered])
  }

  /**
   * The content of the first choice as far as the client got it from one provider, the first of whom is 0; undefined
   * where it is not here any more. Decodes a stream's: ask once, when it is over.
   */
  deliveredText(leg: number): string | undefined {
    const text = this.stream === undefined ? this.#whole?.text : this.stream.meter.contentOf(leg)
    return text === undefined || text.length > MAX_COMPARED_TEXT_BYTES ? undefined : text
  }
}
