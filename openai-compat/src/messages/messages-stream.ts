import { apiErrors } from '../api-errors.ts'
import { SseFilter, type Verdict } from '../sse-filter.ts'
import { chatChunkSchema, type ChatDelta, type ChatUsage } from './chat-answer-schema.ts'
import { ContentBlocks } from './content-blocks.ts'
import { type MessageError, streamedMessageError } from './message-error.ts'
import { type ChatEnd, messageEnd, messageUsage } from './message-end.ts'
import type { MessageEvent, Verified } from './message-types.ts'
import { emptyMessage, type MessageHead, verified } from './messages-answer.ts'
import type { StreamTranslator } from './translated-stream.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const PING: MessageEvent = { type: 'ping' }
const NOTHING = new Uint8Array(0)

const encode = (events: readonly (MessageEvent | MessageError)[]): Uint8Array =>
  encoder.encode(
    events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
  )

/**
 * A streamed chat completion, as the edge sends it, turned into the events of Anthropic's Messages
 * API: bytes in, cut anywhere, bytes out. Comments become pings. `message_stop` comes only for a
 * stream that ended with `[DONE]`; every other end is an `error` event.
 */
export class MessagesStream implements StreamTranslator {
  readonly #head: MessageHead
  readonly #requestId: string
  readonly #filter: SseFilter
  readonly #blocks: ContentBlocks
  readonly #end: ChatEnd = {
    finishReason: undefined,
    stopReason: undefined,
    hasCalls: false,
    refused: false,
  }
  #usage: ChatUsage | undefined
  #verified: Verified = {}
  #started = false
  #ended = false
  #failed = false

  constructor(head: MessageHead, requestId: string) {
    this.#head = head
    this.#requestId = requestId
    this.#blocks = new ContentBlocks(head)
    this.#filter = new SseFilter((buffer, start, end) => this.#judge(buffer, start, end))
  }

  /** Takes the next bytes of the chat stream; returns the bytes that they become, maybe none. */
  push(bytes: Uint8Array): Uint8Array {
    const out = this.#filter.push(bytes)
    if (this.#ended || this.#filter.fault === undefined) return out
    return concat(out, this.#broken())
  }

  /** It ended with an error; whatever the source has still to say is of no use. */
  get failed(): boolean {
    return this.#failed
  }

  /** The chat stream is over. Returns what is to follow: nothing if it ended as it should. */
  finish(): Uint8Array {
    return this.#ended ? NOTHING : this.#broken()
  }

  #judge(buffer: Uint8Array, start: number, end: number): Verdict {
    if (this.#ended) return 'drop'
    if (end === 0) return encode(this.#started ? [PING] : this.#start())
    const data = decoder.decode(buffer.subarray(start, end))
    if (data === '[DONE]') return this.#done()
    const chunk = chatChunkSchema.safeParse(parseJson(data))
    if (!chunk.success) return this.#broken()
    const { error, usage, choices } = chunk.data
    if (error) return this.#fail({ ...error, code: error.code ?? null })
    this.#usage = usage ?? this.#usage
    // What has choices is the engine's, whatever else it says.
    if (choices.length === 0) this.#verified = verified(this.#head, chunk.data)
    const events = this.#start()
    for (const choice of choices) {
      this.#end.finishReason = choice.finish_reason ?? this.#end.finishReason
      this.#end.stopReason = choice.stop_reason ?? this.#end.stopReason
      const written = this.#write(choice.delta ?? {})
      if (written === undefined) return this.#broken()
      events.push(...written)
    }
    return events.length === 0 ? 'drop' : encode(events)
  }

  #start(): MessageEvent[] {
    if (this.#started) return []
    this.#started = true
    return [{ type: 'message_start', message: emptyMessage(this.#head) }, PING]
  }

  /** Undefined when a piece has no place any more. */
  #write(delta: ChatDelta): MessageEvent[] | undefined {
    const blocks = this.#blocks
    const events: MessageEvent[] = []
    if (delta.reasoning_content) events.push(...blocks.think(delta.reasoning_content))
    if (delta.content) events.push(...blocks.say(delta.content))
    if (delta.refusal) {
      this.#end.refused = true
      events.push(...blocks.say(delta.refusal))
    }
    for (const piece of delta.tool_calls ?? []) {
      this.#end.hasCalls = true
      const called = blocks.call(piece)
      if (called === undefined) return undefined
      events.push(...called)
    }
    return events
  }

  /** Without a finish reason the answer is not whole, whatever the end of the stream looks like. */
  #done(): Uint8Array {
    if (!this.#end.finishReason) return this.#broken()
    this.#ended = true
    return encode([
      ...this.#start(),
      ...this.#blocks.close(),
      {
        type: 'message_delta',
        delta: messageEnd(this.#end, this.#head.stopSequences),
        usage: messageUsage(this.#usage),
        ...this.#verified,
      },
      { type: 'message_stop' },
    ])
  }

  #broken(): Uint8Array {
    const { message, type, code } = apiErrors.providerFailed()
    return this.#fail({ message, type, code })
  }

  #fail(error: { message: string; type: string; code: string | null }): Uint8Array {
    this.#ended = true
    this.#failed = true
    return encode([streamedMessageError(error, this.#requestId)])
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
