import type { ChunkHead, Usage } from './chat-types.ts'
import { ChunkScanError, ChunkScanner } from './chunk-scanner.ts'
import { SseFilter, type StreamFault, type Verdict } from './sse-filter.ts'
import { parseUsage } from './usage.ts'

const DONE = new TextEncoder().encode('[DONE]')
const decoder = new TextDecoder()

function parseSlice(buffer: Uint8Array, start: number, end: number): unknown {
  return JSON.parse(decoder.decode(buffer.subarray(start, end)))
}

function isDone(buffer: Uint8Array, start: number, end: number): boolean {
  if (end - start !== DONE.length) return false
  return DONE.every((byte, i) => buffer[start + i] === byte)
}

function readHead(chunk: unknown): ChunkHead | undefined {
  if (typeof chunk !== 'object' || chunk === null) return undefined
  const { id, created, model } = chunk as Record<string, unknown>
  if (typeof id !== 'string' || typeof created !== 'number' || typeof model !== 'string') {
    return undefined
  }
  return { id, created, model }
}

/**
 * The edge's meter: the provider's SSE bytes go in, the bytes for the client come out, and what
 * came out is counted. Whole events pass untouched, except for what is the edge's word and not the
 * provider's, which is taken out:
 *
 * - `error` ends the stream; the edge answers with its own envelope or another provider;
 * - `[DONE]` ends it too, since only the edge knows that an answer ended well;
 * - the usage chunk (`choices: []`): the edge writes what it bills, if the client asked.
 *
 * JSON.parse sees the first chunk (for `head`) and the values of `usage` and `error`; every other
 * event is scanned as bytes. On Node 24, on a busy 2-core machine, a 268-byte event takes
 * 0.6 to 0.8 µs and no allocation; decoding and parsing it takes 1.2 to 1.4 µs.
 */
export class StreamMeter {
  /** Delivered events in which at least one delta carries text: a lower bound of the tokens. */
  contentEvents = 0
  /** UTF-8 bytes of delivered text: content, reasoning, refusal, tool names and arguments. */
  contentBytes = 0
  /** Why each finished choice ended, by its index. */
  readonly finishReasons = new Map<number, string>()
  /** The provider's latest claim, if it is well formed. */
  usage: Usage | undefined
  /** The value of the provider's in-band `error`, unread. */
  error: unknown
  /** Id, time and model of the first chunk, to be repeated in chunks of the edge's own. */
  head: ChunkHead | undefined
  /** The provider sent `[DONE]`. */
  done = false
  #first = true
  readonly #choices: number
  readonly #scanner = new ChunkScanner()
  readonly #filter = new SseFilter((buffer, start, end) => this.#judge(buffer, start, end))

  /** `choices` (`n` of the request, 1 by default) must finish before the answer is complete. */
  constructor(options: { choices?: number } = {}) {
    this.#choices = options.choices ?? 1
  }

  /** Takes the provider's next bytes, cut anywhere; returns the bytes to deliver, maybe none. */
  push(bytes: Uint8Array): Uint8Array {
    return this.#filter.push(bytes)
  }

  /** Set when the provider sent something other than well-formed events; the stream ended there. */
  get fault(): StreamFault | undefined {
    return this.#filter.fault
  }

  /** Every choice reached its finish reason and nothing went wrong. */
  get complete(): boolean {
    const broken = this.fault !== undefined || this.error !== undefined
    return !broken && this.finishReasons.size === this.#choices
  }

  #judge(buffer: Uint8Array, start: number, end: number): Verdict {
    if (end === 0) return 'pass'
    if (isDone(buffer, start, end)) {
      this.done = true
      return 'end'
    }
    try {
      return this.#meter(buffer, start, end)
    } catch (error) {
      if (error instanceof ChunkScanError || error instanceof SyntaxError) return 'malformed_event'
      throw error
    }
  }

  #meter(buffer: Uint8Array, start: number, end: number): Verdict {
    const chunk = this.#scanner
    chunk.scan(buffer, start, end)
    if (chunk.errorEnd > 0) {
      this.error = parseSlice(buffer, chunk.errorStart, chunk.errorEnd)
      return 'end'
    }
    if (chunk.usageEnd > 0) {
      this.usage = parseUsage(parseSlice(buffer, chunk.usageStart, chunk.usageEnd)) ?? this.usage
    }
    if (chunk.choices === 0) return 'drop'
    if (this.#first) {
      this.#first = false
      this.head = readHead(parseSlice(buffer, start, end))
    }
    if (chunk.textBytes > 0) {
      this.contentEvents += 1
      this.contentBytes += chunk.textBytes
    }
    for (const { index, reason } of chunk.finished) {
      // Choices that nobody asked for neither complete an answer nor fill memory.
      if (index >= 0 && index < this.#choices) this.finishReasons.set(index, reason)
    }
    return 'pass'
  }
}
