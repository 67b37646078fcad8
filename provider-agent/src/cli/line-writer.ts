/** Lines gather for this long, so that a busy agent makes one system call for many jobs. */
const FLUSH_MS = 50
const FLUSH_CHARS = 64 * 1024

/** What may wait for a reader that does not read: some thousand lines. */
export const MAX_WAITING_BYTES = 1024 * 1024

/** What lines are written to: process.stdout, which keeps in memory what a pipe or the journal has not yet taken. */
export interface LineStream {
  readonly isTTY?: boolean
  /** Bytes that it keeps. */
  readonly writableLength?: number
  write(text: string): unknown
}

/**
 * Gathers what is written and passes it on in one piece, a moment later; lines that nobody takes are left out. Whoever
 * ends the process must call {@link flush} on its way out.
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
    const isTaken = (this.#stream.writableLength ?? 0) <= MAX_WAITING_BYTES
    if (text !== '' && isTaken) this.#stream.write(text)
  }
}
