interface Task {
  readonly at: number
  readonly run: () => void
}

/** A clock that stands still until a test moves it, and runs what was put off until then. */
export class ManualClock {
  #now = Date.UTC(2026, 0, 1)
  #tasks: Task[] = []

  /** ms since the epoch. */
  readonly now = (): number => this.#now

  readonly later = (run: () => void, delayMs: number): void => {
    this.#tasks.push({ at: this.#now + delayMs, run })
  }

  /** Tasks that wait for their time. */
  get waiting(): number {
    return this.#tasks.length
  }

  /** Moves on by `ms`, stopping at every task on the way. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = this.#tasks.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#tasks.splice(this.#tasks.indexOf(next), 1)
      this.#now = next.at
      next.run()
    }
    this.#now = end
  }
}
