import type { SequencePool } from './sequence-pool.ts'

/** What a child has to show where it is asked whether it still computes. */
export class LifeAnswer {
  readonly #pool: SequencePool
  readonly #answerAgain: () => Promise<void>
  #sign: PromiseWithResolvers<void> | undefined

  /** `answerAgain` has the model answer once more, on a sequence that is free. */
  constructor(pool: SequencePool, answerAgain: () => Promise<void>) {
    this.#pool = pool
    this.#answerAgain = answerAgain
  }

  /** Some run has computed something. */
  sign(): void {
    this.#sign?.resolve()
    this.#sign = undefined
  }

  /**
   * Resolves when there is an answer. Where all sequences are taken it does not wait for one, since who holds it may be
   * paused as long as its client likes: then it is what any of them computes next, or nothing if all are paused.
   */
  async given(): Promise<void> {
    while (!this.#pool.hasFree) {
      if (this.#pool.allRest) return
      this.#sign ??= Promise.withResolvers()
      const sign = this.#sign.promise.then(() => true)
      if (await Promise.race([sign, this.#pool.freed().then(() => false)])) return
    }
    // What fails has not hung.
    await this.#answerAgain().catch(() => {})
  }
}
