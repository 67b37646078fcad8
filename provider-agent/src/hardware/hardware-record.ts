import { setTimeout as sleep } from 'node:timers/promises'
import type { Hardware } from '@infernet/schemas/hardware'
import { HARDWARE_WAIT_MS, SPEED_INTERVAL_MS } from './hardware-limits.ts'
import { measuredSpeed, speedsIn, type SpeedBook, type TimedJob } from './measured-speed.ts'

/** What an edge is told of the machine: what its drivers say, and how fast it has been. */
export class HardwareRecord {
  readonly #learned: Promise<void>
  #declared: Hardware | undefined
  #book: SpeedBook = new Map()
  /** There is more than was told. */
  #isNews = false
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(found: Promise<Hardware>) {
    this.#learned = this.#learn(found)
  }

  /** Resolves when the machine is known, or has had its time to be. */
  async known(): Promise<void> {
    const stopped = new AbortController()
    const { signal } = stopped
    const late = sleep(HARDWARE_WAIT_MS, undefined, { signal, ref: false }).catch(() => {})
    await Promise.race([this.#learned, late])
    stopped.abort()
  }

  async #learn(found: Promise<Hardware>): Promise<void> {
    this.#declared = await found
    this.#isNews = true
    this.#toldAt = Number.NEGATIVE_INFINITY
  }

  finished(job: TimedJob): void {
    const before = this.#book
    this.#book = measuredSpeed(before, job)
    this.#isNews ||= this.#book !== before
  }

  /** Whether the edge should be told again. `now` of the monotonic clock. */
  isDue(now: number): boolean {
    return this.#isNews && this.#declared !== undefined && now - this.#toldAt >= SPEED_INTERVAL_MS
  }

  /** What is told at `now`, of the monotonic clock; undefined while nothing is known. */
  tell(now: number): Hardware | undefined {
    this.#isNews = false
    this.#toldAt = now
    const measured = speedsIn(this.#book)
    if (this.#declared === undefined || measured.length === 0) return this.#declared
    return { ...this.#declared, measured }
  }
}
