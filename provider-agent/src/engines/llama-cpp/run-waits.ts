import type { HangWatch } from '../managed/hang-watch.ts'
import type { Waiting } from '../silence-watch.ts'

/** Has the runs of one child waited for, but for those that are paused. */
export class RunWaits {
  readonly #hang: HangWatch
  readonly #onPaused: (isPaused: boolean) => void
  readonly #waits = new Map<number, Waiting>()
  readonly #paused = new Set<number>()

  /** `onPaused` hears whether there are runs and all are paused, each time that it may have changed. */
  constructor(hang: HangWatch, onPaused: (isPaused: boolean) => void) {
    this.#hang = hang
    this.#onPaused = onPaused
  }

  begin(run: number): void {
    this.#waits.set(run, this.#hang.wait())
    this.#tell()
  }

  pause(run: number): void {
    const wait = this.#waits.get(run)
    if (wait === undefined) return
    wait.pause()
    this.#paused.add(run)
    this.#tell()
  }

  resume(run: number): void {
    this.#waits.get(run)?.resume()
    this.#paused.delete(run)
    this.#tell()
  }

  /** However it ended. */
  over(run: number): void {
    this.#waits.get(run)?.over()
    this.#waits.delete(run)
    this.#paused.delete(run)
    this.#tell()
  }

  allOver(): void {
    for (const run of this.#waits.keys()) this.over(run)
  }

  #tell(): void {
    this.#onPaused(this.#waits.size > 0 && this.#paused.size === this.#waits.size)
  }
}
