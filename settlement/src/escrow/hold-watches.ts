import { isPassing } from '../intake/retry.ts'
import type { Hash } from '../lightning/lightning-backend.ts'

/** LND tells of held payments only who watches that very invoice: one watch for each that is live. */
export class HoldWatches {
  readonly #watch: (paymentHash: Hash, signal: AbortSignal) => Promise<void>
  readonly #running = new Map<Hash, Promise<void>>()
  #until: AbortSignal = AbortSignal.abort()
  #fail: (error: unknown) => void = () => {}

  constructor(watch: (paymentHash: Hash, signal: AbortSignal) => Promise<void>) {
    this.#watch = watch
  }

  /**
   * Watches unless it does already. A watch that breaks because node or store could not be asked is gone
   * until the next call; who calls does so every round. Does nothing outside of {@link during}.
   */
  follow(paymentHash: Hash): void {
    if (this.#until.aborted || this.#running.has(paymentHash)) return
    const watching = this.#watch(paymentHash, this.#until)
      .catch((error: unknown) => {
        if (!isPassing(error)) this.#fail(error)
      })
      .finally(() => this.#running.delete(paymentHash))
    this.#running.set(paymentHash, watching)
  }

  /** Watches may run while `work` does. All end with it; throws the first error of either. */
  async during(signal: AbortSignal, work: (until: AbortSignal) => Promise<void>): Promise<void> {
    const stop = new AbortController()
    const failures: unknown[] = []
    this.#until = AbortSignal.any([signal, stop.signal])
    this.#fail = (error) => {
      failures.push(error)
      stop.abort()
    }
    await work(this.#until).catch(this.#fail)
    stop.abort()
    await Promise.all(this.#running.values())
    if (failures.length > 0) throw failures[0]
  }
}
