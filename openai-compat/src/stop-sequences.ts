/** What a matcher lets through. `stop` is the sequence that ended the text, once one has. */
export interface StopResult {
  text: string
  stop: string | undefined
}

/** Longest end of `text` that is a proper beginning of `stop`. */
function partialMatch(text: string, stop: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length
  }
  return 0
}

/**
 * Finds stop sequences in text that comes in pieces. The sequence is never part of the output, nor
 * is a piece of it: text that may still become one is held back until that is decided. Of several
 * sequences the one completed first wins, as if the text had come one character at a time, so the
 * outcome does not depend on how an engine cuts its tokens.
 */
export class StopMatcher {
  readonly #stops: readonly string[]
  #held = ''
  #stop: string | undefined

  /** Empty sequences are ignored. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '')
  }

  /** Takes the next piece; after a stop it returns nothing more. */
  push(piece: string): StopResult {
    if (this.#stop !== undefined) return { text: '', stop: this.#stop }
    const text = this.#held + piece
    const found = this.#firstCompleted(text)
    if (found !== undefined) {
      this.#stop = found.stop
      this.#held = ''
      return { text: text.slice(0, found.start), stop: found.stop }
    }
    const keep = Math.max(0, ...this.#stops.map((stop) => partialMatch(text, stop)))
    this.#held = text.slice(text.length - keep)
    return { text: text.slice(0, text.length - keep), stop: undefined }
  }

  /** The text still held back, when no more is to come. */
  flush(): string {
    const text = this.#held
    this.#held = ''
    return text
  }

  #firstCompleted(text: string): { stop: string; start: number } | undefined {
    let best: { stop: string; start: number } | undefined
    for (const stop of this.#stops) {
      const start = text.indexOf(stop)
      if (start === -1) continue
      const end = start + stop.length
      const bestEnd = best === undefined ? Infinity : best.start + best.stop.length
      // Two that end together: the longer one leaves the least behind.
      if (end < bestEnd || (end === bestEnd && start < (best?.start ?? 0))) best = { stop, start }
    }
    return best
  }
}
