/** What is kept of an engine's output: enough for a stack trace, at most 16 KB. */
const MAX_LINES = 40
const MAX_LINE_CHARS = 400
/** Colours, and whatever else could write over the owner's terminal. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /\u001B\[[0-9;]*[A-Za-z]|[\u0000-\u001F\u007F-\u009F]/g

/** The last lines of an engine's output, without the words in `secrets`. */
export class OutputTail {
  readonly #secrets: readonly string[]
  #lines: string[] = []
  #rest = ''

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets
  }

  push(text: string): void {
    const parts = (this.#rest + text).split(/\r?\n|\r/)
    this.#rest = (parts.pop() ?? '').slice(0, MAX_LINE_CHARS)
    this.#lines = [...this.#lines, ...parts.slice(-MAX_LINES)].slice(-MAX_LINES)
  }

  /** Without empty lines. */
  get lines(): readonly string[] {
    return [...this.#lines, this.#rest].map((line) => this.#clean(line)).filter((it) => it !== '')
  }

  #clean(line: string): string {
    const shown = this.#secrets.reduce((left, secret) => left.replaceAll(secret, '…'), line)
    return shown.replaceAll(CONTROLS, '').trimEnd().slice(0, MAX_LINE_CHARS)
  }
}
