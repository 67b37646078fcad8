import { MAX_RECEIPTS_PER_STATEMENT, RECEIPT_INTERVAL_MS } from '../limits.ts'
import type { ReceiptStatus, StoredReceipt, StorePort } from '../ports.ts'

export interface ReceiptWriterOptions {
  readonly store: Pick<StorePort, 'storeReceipts'>
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  /** ms since the epoch. */
  readonly now: () => number
}

/** A provider's batch that waits to be written. */
interface Waiting {
  readonly receipts: readonly StoredReceipt[]
  readonly resolve: (statuses: readonly ReceiptStatus[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Writes the receipts of all providers to Postgres, many in one statement: what comes while one is under
 * way, or soon after the last one, gathers for the next. A quiet hub's batch is written at once.
 */
export class ReceiptWriter {
  readonly #options: ReceiptWriterOptions
  #waiting: Waiting[] = []
  #count = 0
  #writing = false
  #scheduled = false
  #nextAt = 0

  constructor(options: ReceiptWriterOptions) {
    this.#options = options
  }

  /** Resolves with what became of each, in order. Rejects with what the store throws. */
  write(receipts: readonly StoredReceipt[]): Promise<readonly ReceiptStatus[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ receipts, resolve, reject })
      this.#count += receipts.length
      this.#next()
    })
  }

  #next(): void {
    if (this.#writing || this.#waiting.length === 0) return
    const { later, now } = this.#options
    const wait = this.#nextAt - now()
    if (wait <= 0 || this.#count >= MAX_RECEIPTS_PER_STATEMENT / 2) return void this.#write()
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
      let at = 0
      for (const { receipts, resolve } of batches) {
        resolve(statuses.slice(at, (at += receipts.length)))
      }
    } catch (error) {
      for (const { reject } of batches) reject(error)
    }
    this.#writing = false
    this.#next()
  }

  /** The oldest batches, as many as fit into one statement. */
  #take(): Waiting[] {
    let count = 0
    let batches = 0
    for (const { receipts } of this.#waiting) {
      if (count + receipts.length > MAX_RECEIPTS_PER_STATEMENT) break
      count += receipts.length
      batches++
    }
    this.#count -= count
    return this.#waiting.splice(0, batches)
  }
}
