import { forgetOldest } from '@infernet/settlement/forget-oldest'
import {
  MAX_COUNTED_PROVIDERS,
  MAX_SELF_TESTS,
  SELF_TEST_INTERVAL_MS,
  SELF_TESTS_PER_DAY,
} from './self-test-limits.ts'

const DAY_MS = 24 * 60 * 60 * 1000

interface Counted {
  /** Whole UTC days since the epoch. */
  readonly day: number
  readonly tests: number
  readonly lastAt: number
}

/** How often providers may have themselves tested. Knows what it has seen since this hub began. */
export class SelfTestPace {
  readonly #counted = new Map<string, Counted>()
  readonly #running = new Set<string>()

  /** The ms that this provider has to wait; 0: it begins now, and {@link end} is called. `now` in ms since the epoch. */
  begin(peer: string, now: number): number {
    if (this.#running.has(peer) || this.#running.size >= MAX_SELF_TESTS)
      return SELF_TEST_INTERVAL_MS
    const day = Math.floor(now / DAY_MS)
    const last = this.#counted.get(peer)
    const tests = last?.day === day ? last.tests : 0
    if (tests >= SELF_TESTS_PER_DAY) return (day + 1) * DAY_MS - now
    const since = last === undefined ? SELF_TEST_INTERVAL_MS : now - last.lastAt
    if (since < SELF_TEST_INTERVAL_MS) return SELF_TEST_INTERVAL_MS - Math.max(0, since)
    this.#counted.delete(peer)
    this.#counted.set(peer, { day, tests: tests + 1, lastAt: now })
    forgetOldest(this.#counted, MAX_COUNTED_PROVIDERS)
    this.#running.add(peer)
    return 0
  }

  end(peer: string): void {
    this.#running.delete(peer)
  }
}
