import { ApiError } from '../api-error.ts'
import { apiErrors } from '../api-errors.ts'
import type { Usage } from '../chat-types.ts'
import { SseFilter, type Verdict } from '../sse-filter.ts'
import { noteIn, type VerificationNote } from '../verification-note.ts'
import { parseBilledUsage, readMessage } from './chat-pieces.ts'
import type { ResponseHead } from './response-object.ts'
import type { ResponseObject } from './response-types.ts'
import { type ResponseEvent, ResponseWriter } from './response-writer.ts'

type Fields = Readonly<Record<string, unknown>>

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const NOTHING = new Uint8Array(0)

export interface ResponsesStreamOptions {
  readonly head: ResponseHead
  /** ms since the epoch. */
  readonly now: () => number
  /** Told once, when the response has ended well (`completed` or `incomplete`), before its last event. */
  readonly onEnd?: (response: ResponseObject) => void
}

/**
 * Turns the edge's stream of chat chunks into the event stream of a response, whatever pieces it
 * comes in. Comments pass. Only `[DONE]` after a finish reason ends it well; an error in band, an end
 * without it, or bytes that are no chunks end it with `error` and `response.failed`.
 */
export class ResponsesStream {
  /** Nothing more comes out. */
  over = false
  readonly #options: ResponsesStreamOptions
  readonly #writer: ResponseWriter
  readonly #filter: SseFilter
  #events: string[] = []
  #sequence = 0
  #usage: Usage | undefined
  #note: VerificationNote | undefined

  constructor(options: ResponsesStreamOptions) {
    this.#options = options
    this.#writer = new ResponseWriter(options.head, (event) => this.#write(event))
    this.#filter = new SseFilter((buffer, start, end) => this.#judge(buffer, start, end))
  }

  /** The first events; call it once, before everything else. */
  begin(): Uint8Array {
    this.#writer.begin()
    return this.#take()
  }

  /** Takes the next bytes, cut anywhere; returns the bytes to deliver, maybe none. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.over) return NOTHING
    const out = this.#filter.push(bytes)
    if (this.#filter.fault === undefined) return out
    return concat(out, this.fail(apiErrors.providerFailed()))
  }

  /** The chat stream is over. Returns the last events, if it ended too early. */
  end(): Uint8Array {
    return this.over ? NOTHING : this.fail(apiErrors.providerFailed())
  }

  /** Ends the response with an error. Returns its last events. */
  fail(error: ApiError): Uint8Array {
    this.#fail(error)
    return this.#take()
  }

  #fail(error: ApiError): void {
    if (this.over) return
    this.over = true
    this.#writer.fail(error)
  }

  #judge(buffer: Uint8Array, start: number, end: number): Verdict {
    if (end === 0) return 'pass'
    if (this.over) return 'drop'
    const data = decoder.decode(buffer.subarray(start, end))
    try {
      if (data === '[DONE]') this.#done()
      else this.#read(JSON.parse(data))
    } catch {
      // No JSON, no chunk, or more than a response may hold.
      this.#fail(apiErrors.providerFailed())
    }
    return this.#take()
  }

  #done(): void {
    if (!this.#writer.finished) return this.#fail(apiErrors.providerFailed())
    this.over = true
    const last = { usage: this.#usage, note: this.#note }
    const response = this.#writer.complete(last, this.#options.now())
    this.#options.onEnd?.(response)
  }

  #read(value: unknown): void {
    const chunk = fieldsOf(value)
    if (chunk['error']) return this.#fail(inBandError(chunk['error']))
    this.#usage = parseBilledUsage(chunk['usage']) ?? this.#usage
    const choices = Array.isArray(chunk['choices']) ? chunk['choices'] : []
    // What has choices is the engine's, whatever else it says.
    if (choices.length === 0 && this.#options.head.isStrict) this.#note = noteIn(chunk)
    for (const choice of choices) {
      if (this.#writer.finished) return
      const { delta, logprobs, finish_reason: reason } = fieldsOf(choice)
      readMessage(this.#writer, fieldsOf(delta), logprobs)
      if (typeof reason === 'string') this.#writer.finish(reason)
    }
  }

  #write(event: ResponseEvent): void {
    const numbered = { ...event, sequence_number: this.#sequence++ }
    this.#events.push(`event: ${event.type}\ndata: ${JSON.stringify(numbered)}\n\n`)
  }

  #take(): Uint8Array {
    if (this.#events.length === 0) return NOTHING
    const text = this.#events.join('')
    this.#events = []
    return encoder.encode(text)
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

const textOr = (value: unknown, other: string): string =>
  typeof value === 'string' ? value : other

/** The edge's own error event, whose status is long gone. */
function inBandError(value: unknown): ApiError {
  const { message, type, code, param } = fieldsOf(value)
  const fallback = apiErrors.providerFailed()
  return new ApiError({
    status: fallback.status,
    type: type === 'rate_limit_error' ? 'rate_limit_error' : 'server_error',
    code: textOr(code, fallback.code ?? 'provider_failed'),
    message: textOr(message, fallback.message),
    ...(typeof param === 'string' ? { param } : {}),
  })
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
