import type { PayoutEngine } from '../payout/payout-engine.ts'
import { PayoutStoreError, type PayoutDraft } from '../payout/payout-store.ts'
import { isAway } from './is-away.ts'
import type { RowTroubles } from './row-troubles.ts'
import { LeaseError } from './settler-lease.ts'

/** Payouts that loops have begun and that have no end yet; one may be held on its way for days. */
const MAX_RUNNING = 1_000

export interface PayoutRunnerParts {
  readonly engine: Pick<PayoutEngine, 'pay' | 'resume'>
  readonly troubles: RowTroubles
  /** A payout could not be opened. */
  readonly problem: (id: string, error: unknown) => void
  /** The store says that another settler acts. */
  readonly lost: (error: LeaseError) => void
}

/**
 * Payouts under way, begun by loops that do not wait for their ends: those are in the store, and who
 * watches the store tells of them.
 */
export class PayoutRunner {
  readonly #parts: PayoutRunnerParts
  readonly #running = new Map<string, Promise<void>>()
  #resuming: Promise<unknown> = Promise.resolve()
  #unsure = true

  constructor(parts: PayoutRunnerParts) {
    this.#parts = parts
  }

  /** Rows that loops must read beyond their page: see `RowTroubles.size`. */
  get troubled(): number {
    return this.#parts.troubles.size + this.#running.size
  }

  /** Whether `key` is not under way, nor failed a moment ago, and there is room. */
  mayStart(key: string): boolean {
    const { troubles } = this.#parts
    return this.#running.size < MAX_RUNNING && !this.#running.has(key) && troubles.isDue(key)
  }

  /** Opens a payout and drives it to its end. `key` is what it is for: one at a time. */
  start(key: string, draft: () => PayoutDraft): void {
    const paying = this.#pay(key, draft).finally(() => this.#running.delete(key))
    this.#running.set(key, paying)
  }

  /**
   * Drives on what was left unfinished, by another process or because an answer was lost; only when there
   * may be such. Does not wait for the ends.
   */
  resume(): void {
    if (!this.#unsure) return
    this.#unsure = false
    // It rejects with the reason of a stop only.
    const resuming = this.#parts.engine.resume().catch(() => {})
    this.#resuming = Promise.all([this.#resuming, resuming])
  }

  /** After the engine was stopped: until nothing here writes any more. */
  async stopped(): Promise<void> {
    await Promise.all([...this.#running.values(), this.#resuming])
  }

  async #pay(key: string, draft: () => PayoutDraft): Promise<void> {
    const { engine, troubles, problem, lost } = this.#parts
    try {
      await engine.pay(draft())
      troubles.ended(key)
    } catch (error) {
      if (isLeaseLost(error)) lost(new LeaseError('A newer settler has written to the payouts'))
      // The owner's other payout is under way: it ends, and the loop comes back.
      if (isBusy(error)) return
      // Perhaps it was opened, and only the answer was lost.
      this.#unsure = true
      if (!isAway(error) && troubles.failed(key)) problem(key, error)
    }
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof PayoutStoreError && error.code === 'payee_busy'

export const isLeaseLost = (error: unknown): boolean =>
  error instanceof PayoutStoreError && error.code === 'lease_lost'
