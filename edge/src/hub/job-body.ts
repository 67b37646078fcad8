type Controller = ReadableStreamDefaultController<Uint8Array> | ReadableByteStreamController

/** Queued pieces become one at this many, so that a window of one-byte chunks costs little memory. */
const MAX_PIECES = 1024

/**
 * The body of a streamed answer, pulled by the client's connection. Chunks wait in a queue of our
 * own until the transport asks: `onDeliver` sees them only as they are handed over, which is when
 * they are metered and the provider's window is freed, and a slow client's backlog leaves in few
 * large chunks instead of many small ones.
 */
export class JobBody {
  readonly stream: ReadableStream<Uint8Array>
  readonly #onDeliver: (chunk: Uint8Array) => Uint8Array
  readonly #mustOwn: boolean
  #controller!: Controller
  #queue: Uint8Array[] = []
  #aside: Uint8Array | undefined
  #last: (() => Uint8Array | undefined) | undefined
  #wanted = false
  #flushing = false
  #closed = false

  /**
   * `byteStream`: workerd moves streams between objects only as byte streams. Their controller
   * takes a chunk's whole buffer away, so that a view into a shared message must be copied.
   */
  constructor(options: {
    byteStream: boolean
    /** Takes a chunk as it came and returns what the client gets of it, maybe nothing. */
    onDeliver: (chunk: Uint8Array) => Uint8Array
    onCancel: () => void
  }) {
    this.#onDeliver = options.onDeliver
    this.#mustOwn = options.byteStream
    const start = (controller: Controller): void => {
      this.#controller = controller
    }
    const pull = (): void => {
      this.#wanted = true
      this.flush()
    }
    const cancel = (): void => {
      this.#closed = true
      this.drop()
      options.onCancel()
    }
    this.stream = options.byteStream
      ? (new ReadableStream({ type: 'bytes', start, pull, cancel }) as ReadableStream<
          Uint8Array<ArrayBuffer>
        >)
      : new ReadableStream<Uint8Array>({ start, pull, cancel }, { highWaterMark: 0 })
  }

  /** Queues a chunk; {@link flush} hands it over. */
  write(chunk: Uint8Array): void {
    if (this.#closed) return
    if (this.#queue.length >= MAX_PIECES) this.#queue = [concatenate(this.#queue)]
    this.#queue.push(chunk)
  }

  /** Forgets what is queued: nobody has seen it, and another provider will say it anew. */
  drop(): void {
    this.#queue = []
    this.#last = undefined
  }

  /** Hands over bytes of the edge's own, past `onDeliver`, unless the last ones still wait. */
  insert(bytes: Uint8Array): void {
    if (this.#closed) return
    this.#aside ??= bytes
    this.flush()
  }

  /** Hands over bytes of the edge's own behind what is queued; for the callback of {@link end} alone. */
  append(bytes: Uint8Array): void {
    this.#aside = bytes
  }

  /**
   * Ends the stream behind what is queued. `last` yields its final bytes; it is called when
   * everything before them has been handed over, or never if the client hangs up first. When it
   * yields undefined the stream stays open after all.
   */
  end(last: () => Uint8Array | undefined): void {
    this.#last ??= last
  }

  /** Hands all queued chunks over in one piece, if the client's connection has asked for more. */
  flush(): void {
    if (this.#closed || !this.#wanted || this.#flushing) return
    this.#flushing = true
    const chunk = this.#take()
    this.#flushing = false
    if (chunk === undefined) return
    this.#wanted = false
    // Enqueueing may pull, which comes back here; `#closed` is set by then.
    this.#controller.enqueue(chunk as Uint8Array<ArrayBuffer>)
    if (this.#closed) this.#controller.close()
  }

  /** Everything that can be handed over now, as one chunk; closes behind the last of it. */
  #take(): Uint8Array | undefined {
    const pieces: Uint8Array[] = []
    this.#takeAside(pieces)
    const queue = this.#queue
    // A chunk that turns out to be broken drops those behind it, by replacing the queue.
    for (let i = 0; i < queue.length && queue === this.#queue; i++) {
      const piece = this.#onDeliver(queue[i] as Uint8Array)
      if (piece.length > 0) pieces.push(piece)
    }
    this.#queue = []
    const last = this.#end()
    this.#takeAside(pieces)
    if (last !== undefined) {
      this.#closed = true
      pieces.push(last)
    }
    const [first] = pieces
    if (first === undefined) return undefined
    return pieces.length === 1 && !this.#mustOwn ? first : concatenate(pieces)
  }

  #takeAside(pieces: Uint8Array[]): void {
    if (this.#aside !== undefined) pieces.push(this.#aside)
    this.#aside = undefined
  }

  /** An end that does not come about may have put another in its place. */
  #end(): Uint8Array | undefined {
    for (let last = this.#last; last !== undefined; last = this.#last) {
      this.#last = undefined
      const bytes = last()
      if (bytes !== undefined) return bytes
    }
    return undefined
  }

  /** Breaks the stream off without an end; what is queued is dropped. */
  abort(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.drop()
    this.#controller.error(new Error(reason))
  }
}

/** One array out of many. */
export function concatenate(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const whole = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}
