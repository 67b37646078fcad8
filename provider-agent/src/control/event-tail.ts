import { MAX_EVENTS_KEPT, MAX_EVENTS_KEPT_CHARS } from './control-limits.ts'

/** The latest lines, as many as there is room for. */
export class EventTail {
  readonly #lines: string[] = []
  #chars = 0

  push(line: string): void {
    this.#lines.push(line)
    this.#chars += line.length
    if (this.#lines.length > MAX_EVENTS_KEPT || this.#chars > MAX_EVENTS_KEPT_CHARS) this.#trim()
  }

  /** The latest `n`, the oldest of them first. */
  last(n: number): readonly string[] {
    return n === 0 ? [] : this.#lines.slice(-n)
  }

  /** Makes room for a while, so that not every line moves all others. */
  #trim(): void {
    const most = { lines: MAX_EVENTS_KEPT * 0.9, chars: MAX_EVENTS_KEPT_CHARS * 0.9 }
    let gone = 0
    while (this.#lines.length - gone > most.lines || this.#chars > most.chars) {
      this.#chars -= this.#lines[gone]?.length ?? 0
      gone++
    }
    this.#lines.splice(0, gone)
  }
}
