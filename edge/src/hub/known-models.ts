import { KNOWN_MODELS_RETRY_MS } from '../limits.ts'

export interface KnownModelsOptions {
  /** Asks Postgres. */
  readonly load: () => Promise<readonly string[]>
  readonly take: (models: readonly string[]) => void
  /** ms since the epoch. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/**
 * Learns from Postgres which models there have been, so that one that is offline is not called
 * unknown. It has no timer: whoever needs the names asks, and what failed is then tried again.
 */
export class KnownModels {
  readonly #options: KnownModelsOptions
  #asking: Promise<void> | undefined
  #known = false
  #nextAt = 0

  constructor(options: KnownModelsOptions) {
    this.#options = options
  }

  /** Resolves when there is nothing to wait for, or when Postgres has answered; never rejects. */
  ask(): Promise<void> {
    if (this.#asking !== undefined) return this.#asking
    if (this.#known || this.#options.now() < this.#nextAt) return Promise.resolve()
    this.#asking = this.#load()
    return this.#asking
  }

  async #load(): Promise<void> {
    const { load, take, now, onError } = this.#options
    try {
      take(await load())
      this.#known = true
    } catch (error) {
      this.#nextAt = now() + KNOWN_MODELS_RETRY_MS
      onError(error)
    } finally {
      this.#asking = undefined
    }
  }
}
