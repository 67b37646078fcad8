import { streamErrorEvent, type ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { usageChunk } from '@infernet/openai-compat/chat-chunk'
import type { ChunkHead } from '@infernet/openai-compat/chat-types'
import { commentEvent, doneEvent, encodeData } from '@infernet/openai-compat/sse-encoder'
import { StreamMeter } from '@infernet/openai-compat/stream-meter'
import { billedUsage, makeUsage } from '@infernet/openai-compat/usage'
import { NOTE_KEY, type VerificationNote } from '@infernet/openai-compat/verification-note'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { JobOrder } from '../ports.ts'
import { unixSeconds } from '../unix-seconds.ts'
import type { AnswerOwner } from './answer-owner.ts'
import { concatenate, JobBody } from './job-body.ts'
import { ROUTING_KEY } from './routing-metadata.ts'
import { isStrict, verificationError } from './verdict-wait.ts'

const KEEP_ALIVE = commentEvent('infernet processing')

/**
 * A streamed answer on its way to the client: the queue, the meter beside it, and how it ends. One
 * stream to the client, however many providers it takes to fill it.
 */
export class StreamAnswer {
  readonly meter: StreamMeter
  readonly #order: JobOrder
  readonly #owner: AnswerOwner
  readonly #body: JobBody
  /** ms since the epoch: when the client last got something, or began to wait. */
  #quietSince: number

  constructor(order: JobOrder, owner: AnswerOwner, options: { byteStream: boolean; now: number }) {
    this.#order = order
    this.#owner = owner
    this.#quietSince = options.now
    this.meter = new StreamMeter({
      endpoint: order.rules.endpoint === 'completions' ? 'completions' : 'chat.completions',
      choices: order.n,
      collectText: order.continuable,
    })
    this.#body = new JobBody({
      byteStream: options.byteStream,
      onDeliver: (chunk) => this.#deliver(chunk),
      onCancel: () => owner.hungUp(),
    })
  }

  get stream(): ReadableStream<Uint8Array> {
    return this.#body.stream
  }

  write(payload: Uint8Array, now: number): void {
    this.#quietSince = now
    this.#body.write(payload)
  }

  /** Hands over what one message of the provider brought, in one piece. */
  flush(): void {
    this.#body.flush()
  }

  /** Tells a client that has heard nothing for `everyMs` that its answer is still being worked on. */
  keepAlive(now: number, everyMs: number): void {
    if (now - this.#quietSince < everyMs) return
    this.#quietSince = now
    this.#body.insert(KEEP_ALIVE)
  }

  /** Meters what the client gets now. A provider that breaks the format is found out here. */
  #deliver(chunk: Uint8Array): Uint8Array {
    const bytes = this.meter.push(chunk)
    this.#owner.taken(chunk.length)
    const { fault, error } = this.meter
    if (fault !== undefined || error !== undefined) {
      this.#owner.streamBroke(apiErrors.providerFailed())
    }
    return bytes
  }

  /** The provider has said everything. Whether that was a whole answer shows when it is handed over. */
  finish(): void {
    this.breakOff(apiErrors.providerFailed())
  }

  /**
   * Nothing more comes from the provider. If only its last word is missing, that is not the client's
   * loss; else, when all it sent has been handed over, the owner hears that its stream broke.
   */
  breakOff(error: ApiError): void {
    this.#body.end(() => {
      if (this.meter.complete) return this.#cleanEnd(this.#owner.delivered())
      this.#owner.streamBroke(error)
      return undefined
    })
    this.#body.flush()
  }

  /** The last chunk; then `[DONE]`, for which a client may want to wait until there is a verdict. */
  #cleanEnd(record: JobRecord): Uint8Array | undefined {
    const last = this.#lastChunk(record)
    if (!isStrict(this.#order))
      return last === undefined ? doneEvent() : concatenate([last, doneEvent()])
    if (last !== undefined) this.#body.append(last)
    this.#owner.whenVerified((note) => this.#endVerified(note))
    return undefined
  }

  #endVerified(note: VerificationNote): void {
    this.#body.end(() => {
      this.#owner.told()
      const { endpoint } = this.meter
      const error = verificationError(this.#order.job, note)
      if (error !== undefined) return streamErrorEvent(error, this.#head(), endpoint)
      const { usage: _, ...rest } = usageChunk(this.#head(), makeUsage(0, 0), endpoint)
      return concatenate([encodeData({ ...rest, [NOTE_KEY]: note }), doneEvent()])
    })
    this.#body.flush()
  }

  /** The chunk of what the client asked to be told: exactly what is billed, and how it was routed. */
  #lastChunk(record: JobRecord): Uint8Array | undefined {
    const { includeUsage } = this.#order
    const metadata = this.#owner.routing()
    if (!includeUsage && metadata === undefined) return undefined
    const billed = makeUsage(record.promptTokens, record.completionTokens)
    const { usage, ...rest } = usageChunk(
      this.#head(),
      billedUsage(billed, record.costMsat),
      this.meter.endpoint,
    )
    const last = {
      ...rest,
      ...(includeUsage ? { usage } : {}),
      ...(metadata === undefined ? {} : { [ROUTING_KEY]: metadata }),
    }
    return encodeData(last)
  }

  /** Lets go of what the failed provider sent and nobody has seen; the next one goes on from there. */
  nextLeg(): void {
    this.#body.drop()
    this.meter.nextLeg()
  }

  /** Ends the stream, behind what is queued, with an error in band: never a clean end. */
  fail(error: ApiError, code = error.code): void {
    this.#body.end(() => {
      this.#owner.undelivered(code)
      return streamErrorEvent(error, this.#head(), this.meter.endpoint)
    })
    this.#body.flush()
  }

  /** Breaks off without an end: the client is gone. */
  abort(reason: string): void {
    this.#body.abort(reason)
  }

  /** The head of chunks that the edge writes itself: the engine's own, so that ids agree. */
  #head(): ChunkHead {
    const { job, createdAt, model } = this.#order
    return this.meter.head ?? { id: job, created: unixSeconds(createdAt), model }
  }
}
