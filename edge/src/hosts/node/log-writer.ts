import type { LogLine } from '../../events.ts'

/** Lines gather for this long, so that a busy edge makes one system call for many requests. */
const FLUSH_MS = 50
const FLUSH_BYTES = 64 * 1024
/** A reader that has stopped must not make us buffer for ever. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024

/** Structured JSON log lines on a stream. */
export class LogWriter {
  readonly #stream: NodeJS.WritableStream & { writableLength: number }
  #lines: string[] = []
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #dropped = 0

  constructor(stream: NodeJS.WritableStream & { writableLength: number }) {
    this.#stream = stream
  }

  readonly log: LogLine = (event, fields) => {
    if (this.#stream.writableLength + this.#bytes > MAX_UNREAD_BYTES) {
      this.#dropped++
      return
    }
    const line = `${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`
    this.#lines.push(line)
    this.#bytes += line.length
    if (this.#bytes >= FLUSH_BYTES) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#dropped > 0)
      this.#lines.push(`${JSON.stringify({ event: 'log_lines_dropped', count: this.#dropped })}\n`)
    this.#dropped = 0
    if (this.#lines.length > 0) this.#stream.write(this.#lines.join(''))
    this.#lines = []
    this.#bytes = 0
  }
}
