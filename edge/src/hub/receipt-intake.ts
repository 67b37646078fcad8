import type { LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import {
  openBatch,
  parseStatement,
  type ReceiptStatement,
  type SignedReceipt,
} from '@infernet/schemas/receipt'
import type { ReceiptAck, ReceiptBatchFrame } from '@infernet/schemas/wire'
import { MAX_AWAITED_RECEIPTS, MAX_RECEIPT_BATCHES } from '../limits.ts'
import type { StoredReceipt } from '../ports.ts'
import { forgetOldest } from './oldest-first.ts'
import { ReceiptWriter, type ReceiptWriterOptions } from './receipt-writer.ts'

export interface ReceiptIntakeOptions extends ReceiptWriterOptions {
  /** A receipt is good, and written down. */
  readonly onStored?: (statement: ReceiptStatement, receipt: SignedReceipt) => void
}

export class ReceiptError extends Error {
  override readonly name = 'ReceiptError'
  readonly code = 'bad_receipt'
}

/**
 * Takes in what providers sign. A receipt is stored only when its batch verifies, its statement
 * names the provider that sent it, and its lease was really given to that provider. The hub keeps
 * no lasting copy: it acknowledges after Postgres has the row, and the provider's outbox repeats until then.
 */
export class ReceiptIntake {
  readonly #writer: ReceiptWriter
  /** Leases that ended here, whose job rows may not have reached Postgres yet. Insertion order is age. */
  readonly #awaited = new Map<LeaseId, PeerId>()
  /** Batches being checked and stored, per provider. */
  readonly #underWay = new Map<PeerId, number>()

  readonly #onStored: NonNullable<ReceiptIntakeOptions['onStored']>

  constructor(options: ReceiptIntakeOptions) {
    this.#onStored = options.onStored ?? (() => {})
    this.#writer = new ReceiptWriter(options)
  }

  /** Whether receipts are kept because the database is away. */
  get isAway(): boolean {
    return this.#writer.isAway
  }

  /** The lease ended here, so that its provider's receipt is welcome. */
  expect(lease: LeaseId, provider: PeerId): void {
    this.#awaited.set(lease, provider)
    forgetOldest(this.#awaited, MAX_AWAITED_RECEIPTS)
  }

  /**
   * Verifies and stores a batch; while the database is away, keeps it as long as its connection `isWanted`. Throws
   * {@link ReceiptError} for a forged one and for one too many at a time, and whatever the store throws.
   */
  async take(
    provider: PeerId,
    batch: ReceiptBatchFrame,
    isWanted?: () => boolean,
  ): Promise<ReceiptAck> {
    const underWay = this.#underWay.get(provider) ?? 0
    if (underWay >= MAX_RECEIPT_BATCHES) throw new ReceiptError('too many batches at a time')
    this.#underWay.set(provider, underWay + 1)
    try {
      return await this.#store(provider, batch, isWanted)
    } finally {
      const left = (this.#underWay.get(provider) ?? 1) - 1
      if (left === 0) this.#underWay.delete(provider)
      else this.#underWay.set(provider, left)
    }
  }

  async #store(
    provider: PeerId,
    batch: ReceiptBatchFrame,
    isWanted?: () => boolean,
  ): Promise<ReceiptAck> {
    const opened = await openBatch(provider, batch)
    if (opened === undefined) throw new ReceiptError('the batch signature is wrong')
    const statements: ReceiptStatement[] = []
    const receipts = opened.map(({ receipt, bytes }, index): StoredReceipt => {
      const statement = parseStatement(bytes)
      if (statement === undefined) throw new ReceiptError(`statement ${index} is malformed`)
      if (statement.provider !== provider)
        throw new ReceiptError('a statement names another provider')
      const known = this.#awaited.get(statement.lease) === provider
      statements.push(statement)
      return { provider, job: statement.job, lease: statement.lease, receipt, known }
    })
    const statuses = await this.#writer.write(receipts, isWanted)
    for (const { lease, known } of receipts) if (known) this.#awaited.delete(lease)
    for (const [i, statement] of statements.entries()) {
      const { receipt } = opened[i] ?? {}
      if (receipt !== undefined && statuses[i] === 'stored') this.#onStored(statement, receipt)
    }
    return {
      results: receipts.map(({ lease }, index) => ({
        lease,
        status: statuses[index] ?? 'unknown',
      })),
    }
  }
}
