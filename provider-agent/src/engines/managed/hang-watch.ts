import type { Waiting } from '../silence-watch.ts'
import { NO_SILENCE, silenceAfter, silenceAt, type Silence } from './hang-rule.ts'

/** Counts an engine's silence by the rule of `hang-rule.ts`, with a clock. */
export class HangWatch {
  readonly #now: () => number
  #silence: Silence = NO_SILENCE

  /** `now` in ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** From now on something is waited for. */
  wait(): Waiting {
    let isCounted = false
    let isOver = false
    const count = (counts: boolean): void => {
      if (counts === isCounted || isOver) return
      isCounted = counts
      this.#silence = silenceAfter(this.#silence, counts ? 'wait' : 'over', this.#now())
    }
    count(true)
    return {
      pause: () => count(false),
      resume: () => count(true),
      over: () => {
        count(false)
        isOver = true
      },
    }
  }

  /** The engine has shown that it computes. */
  heard(): void {
    this.#silence = silenceAfter(this.#silence, 'heard', this.#now())
  }

  /** How long something has been waited for in silence, in sum, in ms. */
  get silentMs(): number {
    return silenceAt(this.#silence, this.#now())
  }
}
