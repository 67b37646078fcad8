interface Wait {
  /** Since when something could have been said, in ms. */
  since: number
  isPaused: boolean
}

/** Something that is waited for. */
export interface Waiting {
  pause(): void
  resume(): void
  /** It is waited for no more. */
  over(): void
}

/**
 * Watches an engine with several answers in work. It may be slow with one of them; it is stuck when one
 * is waited for and none says anything.
 */
export class SilenceWatch {
  readonly #now: () => number
  readonly #waits = new Set<Wait>()
  #heardAt = -Infinity

  /** `now` in ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** From now on something is waited for. */
  wait(): Waiting {
    const wait: Wait = { since: this.#now(), isPaused: false }
    this.#waits.add(wait)
    return {
      pause: () => {
        wait.isPaused = true
      },
      resume: () => {
        wait.isPaused = false
        wait.since = this.#now()
      },
      over: () => void this.#waits.delete(wait),
    }
  }

  /** It has said something. */
  heard(): void {
    this.#heardAt = this.#now()
  }

  /** How long something has been waited for in silence, in ms; 0 where nothing is. */
  get silentMs(): number {
    const waiting = [...this.#waits].filter(({ isPaused }) => !isPaused)
    const oldest = Math.min(...waiting.map(({ since }) => since))
    return Math.max(0, this.#now() - Math.max(oldest, this.#heardAt))
  }
}
