import { forgetOldest } from '../forget-oldest.ts'
import { jitteredBackoffMs } from '../backoff.ts'

/** A row that failed is left alone for so long: first a moment, in the end for an hour. */
const BACKOFF = { firstMs: 2_000, maxMs: 3_600_000 }
/** Rows remembered; beyond, the oldest is forgotten and simply tried again. */
const MAX_ROWS = 1_000

/**
 * Rows that did not go through and when each may be tried again, so that one bad row costs the others
 * nothing. In memory only: a new process tries them all.
 */
export class RowTroubles {
  readonly #rows = new Map<string, { failures: number; until: number }>()
  readonly #now: () => number
  readonly #random: () => number

  /** `now` in ms; `random` in [0, 1). */
  constructor({ now, random }: { readonly now: () => number; readonly random: () => number }) {
    this.#now = now
    this.#random = random
  }

  /** How many rows to read beyond a page, lest it be full of those that are left alone. */
  get size(): number {
    return this.#rows.size
  }

  isDue(row: string): boolean {
    return this.#now() >= (this.#rows.get(row)?.until ?? 0)
  }

  /** It failed. Returns whether that is news: an operator wants one line, not one per try. */
  failed(row: string): boolean {
    const failures = this.#rows.get(row)?.failures ?? 0
    this.#rows.delete(row)
    this.#rows.set(row, {
      failures: failures + 1,
      until: this.#now() + jitteredBackoffMs(BACKOFF, failures, this.#random()),
    })
    forgetOldest(this.#rows, MAX_ROWS)
    return failures === 0
  }

  ended(row: string): void {
    this.#rows.delete(row)
  }
}
