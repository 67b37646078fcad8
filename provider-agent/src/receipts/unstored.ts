import type { StoredBatch } from './outbox.ts'

/**
 * Batches that the disk did not take, in memory: better than none, though the end of the agent is theirs. Oldest
 * first, and no more than so many.
 */
export class Unstored {
  readonly #max: number
  /** By id, in the order that they came. */
  readonly #batches = new Map<number, StoredBatch>()
  #lastId = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#batches.size
  }

  has(id: number): boolean {
    return this.#batches.has(id)
  }

  /** Keeps a batch, under a number below 0: those of the outbox are above. Returns the oldest, where it had to go. */
  put(payload: Uint8Array, leases: readonly string[]): StoredBatch | undefined {
    const id = --this.#lastId
    this.#batches.set(id, { id, payload, leases })
    const [oldest] = this.#batches.values()
    if (oldest === undefined || this.size <= this.#max) return undefined
    this.#batches.delete(oldest.id)
    return oldest
  }

  /** Those that are not among `ids`. */
  except(ids: ReadonlyMap<number, unknown>): readonly StoredBatch[] {
    return [...this.#batches.values()].filter(({ id }) => !ids.has(id))
  }

  remove(id: number): void {
    this.#batches.delete(id)
  }

  /** Forgets them all. Returns how many there were. */
  clear(): number {
    const { size } = this
    this.#batches.clear()
    return size
  }
}
