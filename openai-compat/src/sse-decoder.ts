/**
 * Bytes in one event, counted over its unfinished line and its data so far. A token with 20
 * alternatives is about 2 KB and a whole tool call rarely 64 KB, so this is generous; it bounds
 * what a broken peer can make us hold.
 */
export const MAX_EVENT_BYTES = 1024 * 1024

/** One server-sent event. `event` is its type, `message` unless the stream says otherwise. */
export interface SseEvent {
  event: string
  data: string
}

/** An event outgrew its limit. The stream cannot be read any further. */
export class SseTooLargeError extends Error {
  override readonly name = 'SseTooLargeError'
  readonly code = 'sse_event_too_large'

  constructor(maxEventBytes: number) {
    super(`A server-sent event is larger than ${maxEventBytes} bytes.`)
  }
}

const LF = 10
const CR = 13
const BOM = [0xef, 0xbb, 0xbf]

/** Start of the bytes after a leading byte order mark, given that all of it has arrived. */
function afterBom(bytes: Uint8Array): number {
  return BOM.every((byte, i) => bytes[i] === byte) ? BOM.length : 0
}

/**
 * An incremental parser for `text/event-stream` (WHATWG HTML, "interpreting an event stream"):
 * any line ending, comments, several data lines, a byte order mark, cut anywhere. `id` and
 * `retry` are read over, since a generation cannot be resumed. An event without its blank line is
 * never delivered: it was cut.
 */
export class SseDecoder {
  readonly #decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
  readonly #maxEventBytes: number
  /** The bytes of a line whose end has not come yet. */
  #partial = new Uint8Array(256)
  #partialLength = 0
  #data: string[] = []
  #dataBytes = 0
  #event = ''
  #firstLine = true
  #skipLf = false

  constructor(maxEventBytes = MAX_EVENT_BYTES) {
    this.#maxEventBytes = maxEventBytes
  }

  /**
   * Reads the next bytes and returns the events that they complete, in order.
   *
   * @throws SseTooLargeError when an event outgrows its limit; drop the stream then.
   */
  push(bytes: Uint8Array): SseEvent[] {
    const events: SseEvent[] = []
    let start = 0
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]
      if (this.#skipLf) {
        this.#skipLf = false
        if (byte === LF) {
          start = i + 1
          continue
        }
      }
      if (byte !== LF && byte !== CR) continue
      this.#readLine(this.#takeLine(bytes.subarray(start, i)), events)
      start = i + 1
      this.#skipLf = byte === CR
    }
    this.#hold(bytes.subarray(start))
    return events
  }

  /** Keeps the beginning of an unfinished line. */
  #hold(tail: Uint8Array): void {
    const length = this.#partialLength + tail.length
    this.#checkSize(length)
    if (length > this.#partial.length) {
      const grown = new Uint8Array(Math.max(length, this.#partial.length * 2))
      grown.set(this.#partial.subarray(0, this.#partialLength))
      this.#partial = grown
    }
    this.#partial.set(tail, this.#partialLength)
    this.#partialLength = length
  }

  #takeLine(end: Uint8Array): Uint8Array {
    let line = end
    if (this.#partialLength > 0) {
      this.#hold(end)
      line = this.#partial.subarray(0, this.#partialLength)
      this.#partialLength = 0
    } else {
      this.#checkSize(end.length)
    }
    if (this.#firstLine) {
      this.#firstLine = false
      line = line.subarray(afterBom(line))
    }
    return line
  }

  #readLine(bytes: Uint8Array, events: SseEvent[]): void {
    if (bytes.length === 0) {
      if (this.#data.length > 0) {
        events.push({ event: this.#event || 'message', data: this.#data.join('\n') })
      }
      this.#data = []
      this.#dataBytes = 0
      this.#event = ''
      return
    }
    const line = this.#decoder.decode(bytes)
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') {
      this.#data.push(value)
      this.#dataBytes += bytes.length
    } else if (field === 'event') {
      this.#event = value
    }
  }

  #checkSize(lineBytes: number): void {
    if (this.#dataBytes + lineBytes > this.#maxEventBytes) {
      throw new SseTooLargeError(this.#maxEventBytes)
    }
  }
}
