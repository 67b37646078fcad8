import { DbUnavailable } from '@infernet/settlement/db/db-port'
import {
  MAX_KEPT_RECEIPTS,
  MAX_RECEIPTS_PER_STATEMENT,
  RECEIPT_INTERVAL_MS,
  RECEIPT_RETRY_MS,
} from '../limits.ts'
import type { ReceiptStatus, StoredReceipt, StorePort } from '../ports.ts'

export interface ReceiptWriterOptions {
  readonly store: Pick<StorePort, 'storeReceipts'>
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  /** ms since the epoch. */
  readonly now: () => number
  /** The store is away; it is asked again. */
  readonly onUnavailable: (error: DbUnavailable) => void
}

/** A provider's batch that waits to be written. */
interface Waiting {
  readonly receipts: readonly StoredReceipt[]
  readonly isWanted: () => boolean
  /** A statement that had it was refused: it gets one of its own, so that it is not refused for another's sake. */
  isAlone?: true
  readonly resolve: (statuses: readonly ReceiptStatus[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Writes the receipts of all providers to Postgres, many in one statement: what comes while one is under
 * way, or soon after the last one, gathers for the next. A quiet hub's batch is written at once. While the store is
 * away they are kept and tried again: a provider repeats them only over its next connection. What the store refuses
 * as it is tried once more alone.
 */
export class ReceiptWriter {
  readonly #options: ReceiptWriterOptions
  #waiting: Waiting[] = []
  #count = 0
  #writing = false
  #scheduled = false
  #nextAt = 0
  /** Why the store could not be reached the last time. */
  #outage: DbUnavailable | undefined

  constructor(options: ReceiptWriterOptions) {
    this.#options = options
  }

  /** Whether receipts are kept because the store is away. */
  get isAway(): boolean {
    return this.#outage !== undefined
  }

  /**
   * Resolves with what became of each, in order. Rejects with what the store throws; with DbUnavailable only once the
   * batch `isWanted` no longer, or when too much waits.
   */
  write(
    receipts: readonly StoredReceipt[],
    isWanted: () => boolean = () => true,
  ): Promise<readonly ReceiptStatus[]> {
    if (this.#outage !== undefined && this.#count + receipts.length > MAX_KEPT_RECEIPTS)
      return Promise.reject(this.#outage)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ receipts, isWanted, resolve, reject })
      this.#count += receipts.length
      this.#next()
    })
  }

  #next(): void {
    if (this.#writing || this.#waiting.length === 0) return
    const { later, now } = this.#options
    const wait = this.#nextAt - now()
    const isFull = !this.isAway && this.#count >= MAX_RECEIPTS_PER_STATEMENT / 2
    if (wait <= 0 || isFull) return void this.#write()
    if (this.#scheduled) return
    this.#scheduled = true
    later(() => {
      this.#scheduled = false
      this.#next()
    }, wait)
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { store, now } = this.#options
    const batches = this.#take()
    this.#writing = true
    this.#nextAt = now() + RECEIPT_INTERVAL_MS
    try {
      const statuses = await store.storeReceipts(batches.flatMap(({ receipts }) => receipts))
      this.#outage = undefined
      let at = 0
      for (const { receipts, resolve } of batches) {
        resolve(statuses.slice(at, (at += receipts.length)))
      }
    } catch (error) {
      this.#failed(batches, error)
    }
    this.#writing = false
    this.#next()
  }

  #failed(batches: readonly Waiting[], error: unknown): void {
    if (error instanceof DbUnavailable) return this.#keep(batches, error)
    this.#outage = undefined
    const [only, ...others] = batches
    if (others.length === 0) return only?.reject(error)
    for (const batch of batches) batch.isAlone = true
    this.#putBack(batches)
  }

  /** Those whose connection is gone make room: their provider repeats them. */
  #keep(batches: readonly Waiting[], error: DbUnavailable): void {
    const { now, onUnavailable } = this.#options
    onUnavailable(error)
    this.#outage = error
    this.#nextAt = now() + RECEIPT_RETRY_MS
    this.#putBack(batches)
    this.#waiting = this.#waiting.filter(({ isWanted, receipts, reject }) => {
      if (isWanted()) return true
      this.#count -= receipts.length
      reject(error)
      return false
    })
  }

  #putBack(batches: readonly Waiting[]): void {
    this.#waiting.unshift(...batches)
    for (const { receipts } of batches) this.#count += receipts.length
  }

  /** The oldest batches, as many as fit into one statement. */
  #take(): Waiting[] {
    let count = 0
    let batches = 0
    for (const { receipts, isAlone } of this.#waiting) {
      if (count + receipts.length > MAX_RECEIPTS_PER_STATEMENT) break
      if (isAlone && batches > 0) break
      count += receipts.length
      batches++
      if (isAlone) break
    }
    this.#count -= count
    return this.#waiting.splice(0, batches)
  }
}
