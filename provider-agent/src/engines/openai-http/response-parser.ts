/** A response that is none of HTTP/1.1, or larger than any engine's. */
export class ResponseError extends Error {
  override readonly name = 'ResponseError'
  readonly code = 'bad_response'
}

/** What a response says before its body. */
export interface ResponseHead {
  readonly status: number
  /** Empty where it does not say. */
  readonly contentType: string
}

/** Hears a response, in this order; `body` as often as there is some. */
export interface ResponseListener {
  head(head: ResponseHead): void
  /** A view into what was pushed: copy it before keeping it. */
  body(bytes: Buffer): void
  end(): void
}

/** Servers send some 300 bytes; Node takes as much. */
const MAX_HEAD_BYTES = 16 * 1024
/** Of a chunk's size with its extensions, which nobody sends. */
const MAX_CHUNK_LINE_BYTES = 256
const MAX_TRAILER_BYTES = 4 * 1024

const HEAD_END = '\r\n\r\n'
const LINE_END = '\r\n'
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/
/** RFC 9110, 5.6.2: a token. A line that begins with a space would go on with the one before it. */
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/
const LENGTH = /^\d{1,15}$/
const CHUNK_LINE = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?$/

type State =
  | 'head'
  | 'sized'
  | 'until_close'
  | 'chunk_line'
  | 'chunk'
  | 'chunk_end'
  | 'trailer'
  | 'over'

interface Fields {
  readonly length: number | undefined
  readonly isChunked: boolean
  readonly connection: string
  readonly contentType: string
}

/**
 * Takes one response of HTTP/1.1 (RFC 9112) apart as its bytes come, to a request that was no HEAD. Strict where a
 * mistake could make one answer run into the next, and never holds more than a head.
 */
export class ResponseParser {
  readonly #listener: ResponseListener
  #state: State = 'head'
  /** The part of a head or line that has come. */
  #begun: Buffer | undefined
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0
  #trailerBytes = 0
  #keepsAlive = false

  constructor(listener: ResponseListener) {
    this.#listener = listener
  }

  /** Whether the connection may be used again: the response is over, and its server waits for the next request. */
  get isReusable(): boolean {
    return this.#state === 'over' && this.#keepsAlive
  }

  /** Throws {@link ResponseError}. */
  push(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) at = this.#take(bytes, at)
  }

  /** The server has closed. Throws {@link ResponseError} when that was in the middle. */
  finish(): void {
    if (this.#state === 'until_close') this.#end()
    else if (this.#state !== 'over') throw new ResponseError('the connection was closed')
  }

  /** Takes what begins at `at`; returns where the next begins. */
  #take(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#takeUntil(HEAD_END, MAX_HEAD_BYTES, bytes, at, this.#readHead)
      case 'chunk_line':
        return this.#takeUntil(LINE_END, MAX_CHUNK_LINE_BYTES, bytes, at, this.#readChunkLine)
      case 'chunk_end':
        return this.#takeUntil(LINE_END, LINE_END.length, bytes, at, this.#readChunkEnd)
      case 'trailer':
        return this.#takeUntil(LINE_END, MAX_TRAILER_BYTES, bytes, at, this.#readTrailer)
      case 'until_close':
        this.#listener.body(at === 0 ? bytes : bytes.subarray(at))
        return bytes.length
      case 'sized':
      case 'chunk':
        return this.#takeBody(bytes, at)
      case 'over':
        // Nobody has asked for more.
        this.#keepsAlive = false
        return bytes.length
    }
  }

  #takeBody(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left)
    this.#left -= end - at
    const isLast = this.#left === 0
    this.#listener.body(bytes.subarray(at, end))
    if (isLast && this.#state === 'chunk') this.#state = 'chunk_end'
    else if (isLast) this.#end()
    return end
  }

  /** Reads the text before `mark` once that has come; it may come in pieces. */
  #takeUntil(
    mark: string,
    maxBytes: number,
    bytes: Buffer,
    at: number,
    read: (text: string) => void,
  ): number {
    const before = this.#begun?.length ?? 0
    const found =
      this.#begun === undefined
        ? bytes.subarray(at)
        : Buffer.concat([this.#begun, bytes.subarray(at)])
    // Read again from the beginning of a mark that may have come halfway.
    const end = found.indexOf(mark, Math.max(0, before - mark.length + 1), 'latin1')
    if ((end < 0 ? found.length : end) > maxBytes) {
      throw new ResponseError(`its head, or a line of it, is over ${maxBytes} bytes`)
    }
    if (end < 0) {
      this.#begun = Buffer.from(found)
      return bytes.length
    }
    this.#begun = undefined
    read(found.toString('latin1', 0, end))
    return at + end + mark.length - before
  }

  readonly #readHead = (text: string): void => {
    const [first = '', ...lines] = text.split(LINE_END)
    const [, minor, code] = STATUS_LINE.exec(first) ?? []
    if (code === undefined) throw new ResponseError('it does not begin as HTTP/1.1 does')
    const status = Number(code)
    const fields = readFields(lines)
    if (status === 101) throw new ResponseError('it switches protocols, which nobody asked for')
    // "Continue" and the like: the response is still to come.
    if (status < 200) return
    const { length, isChunked, connection, contentType } = fields
    const isEmpty = status === 204 || status === 304 || length === 0
    const isFramed = isEmpty || isChunked || length !== undefined
    const wantsMore =
      minor === '1' ? !/\bclose\b/i.test(connection) : /\bkeep-alive\b/i.test(connection)
    this.#keepsAlive = isFramed && wantsMore
    this.#left = length ?? 0
    this.#state = isChunked ? 'chunk_line' : length === undefined ? 'until_close' : 'sized'
    this.#listener.head({ status, contentType })
    if (isEmpty) this.#end()
  }

  readonly #readChunkLine = (text: string): void => {
    const size = CHUNK_LINE.exec(text)?.[1]
    if (size === undefined) throw new ResponseError('a chunk has no size')
    this.#left = Number.parseInt(size, 16)
    this.#state = this.#left === 0 ? 'trailer' : 'chunk'
  }

  readonly #readChunkEnd = (text: string): void => {
    if (text !== '') throw new ResponseError('a chunk is longer than it says')
    this.#state = 'chunk_line'
  }

  readonly #readTrailer = (text: string): void => {
    this.#trailerBytes += text.length + LINE_END.length
    if (this.#trailerBytes > MAX_TRAILER_BYTES) throw new ResponseError('its trailers do not end')
    if (text === '') this.#end()
  }

  #end(): void {
    this.#state = 'over'
    this.#listener.end()
  }
}

function readFields(lines: readonly string[]): Fields {
  let length: number | undefined
  let isChunked = false
  let connection = ''
  let contentType = ''
  for (const line of lines) {
    const [, name, value = ''] = FIELD_LINE.exec(line) ?? []
    if (name === undefined) throw new ResponseError('a line of its head is no field')
    switch (name.toLowerCase()) {
      case 'content-length':
        if (length !== undefined || !LENGTH.test(value)) {
          throw new ResponseError('it does not know its length')
        }
        length = Number(value)
        break
      case 'transfer-encoding':
        if (isChunked || value.toLowerCase() !== 'chunked') {
          throw new ResponseError(`it is encoded as '${value.slice(0, 64)}'`)
        }
        isChunked = true
        break
      case 'connection':
        connection += `,${value}`
        break
      case 'content-type':
        contentType = value
    }
  }
  if (isChunked && length !== undefined) throw new ResponseError('it has two lengths')
  return { length, isChunked, connection, contentType }
}
