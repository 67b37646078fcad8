/** Lines gather for this long, so that a busy agent makes one system call for many jobs. */
const FLUSH_MS = 50
const FLUSH_CHARS = 64 * 1024

/** What lines are written to: process.stdout, which blocks until a pipe or file has taken them. */
export interface LineStream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/**
 * Gathers what is written and passes it on in one piece, a moment later. Whoever ends the process
 * must call {@link flush} on its way out.
 */
export class LineWriter implements LineStream {
  readonly isTTY: boolean
  readonly #stream: LineStream
  #text = ''
  #timer: NodeJS.Timeout | undefined

  constructor(stream: LineStream) {
    this.#stream = stream
    this.isTTY = stream.isTTY ?? false
  }

  write(text: string): void {
    this.#text += text
    if (this.#text.length >= FLUSH_CHARS) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS)
  }

  /** Writes at once what has gathered. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = this.#text
    this.#text = ''
    if (text !== '') this.#stream.write(text)
  }
}
