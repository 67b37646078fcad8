import { FRAME, type FrameType } from '@infernet/schemas/frame'
import { MAX_RECEIPTS_PER_BATCH } from '@infernet/schemas/limits'
import {
  batchToSign,
  encodeStatement,
  fromBase64Url,
  parseStatement,
  receiptStatementSchema,
  toBase64Url,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import {
  decodeControl,
  encodeControl,
  receiptsSchema,
  WireError,
  type ReceiptAck,
  type ReceiptBatchFrame,
} from '@infernet/schemas/wire'
import { errorMessage } from '../error-message.ts'
import type { Identity } from '../identity.ts'
import {
  MAX_RECEIPT_BATCHES_IN_FLIGHT,
  MAX_UNSTORED_BATCHES,
  RECEIPT_BATCH_DELAY_MS,
  RECEIPT_STORE_RETRY_MS,
} from '../limits.ts'
import type { Outbox, StoredBatch } from './outbox.ts'
import { Unstored } from './unstored.ts'

/** Writes a frame on channel 0 of the live connection. */
export type ReceiptOutlet = (type: FrameType, payload: Uint8Array) => void

export interface ReceiptSenderOptions {
  readonly identity: Identity
  readonly outbox: Outbox
  /** The edge does not know these leases; nothing more can be done for them. */
  readonly onUnknown: (lease: string) => void
  /** So many batches are gone, for this reason. */
  readonly onDropped: (batches: number, reason: string) => void
  /** The disk takes no more batches, for this reason; told once until it takes one again. */
  readonly onUnstored: (reason: string) => void
}

/**
 * Gathers statements into batches, signs each once, stores it, and sends it until the edge has
 * acknowledged every receipt in it. What cannot be stored is sent too, and tried again while it waits.
 */
export class ReceiptSender {
  readonly #options: ReceiptSenderOptions
  #pending: ReceiptStatement[] = []
  #timer: NodeJS.Timeout | undefined
  #outlet: ReceiptOutlet | undefined
  /** Batches sent over the live connection: id to the leases not yet acknowledged. */
  readonly #inFlight = new Map<number, Set<string>>()
  #lastSent = 0
  /** The last batch that was there at the start: another agent, or another key, may have made it. */
  readonly #lastFound: number
  readonly #unstored = new Unstored(MAX_UNSTORED_BATCHES)
  #retry: NodeJS.Timeout | undefined
  /** The owner knows that the disk takes nothing. */
  #isToldUnstored = false
  #onIdle: (() => void) | undefined

  constructor(options: ReceiptSenderOptions) {
    this.#options = options
    this.#lastFound = options.outbox.lastId
  }

  /** Whether no receipts are being gathered, and no batches wait. */
  get isIdle(): boolean {
    return this.#pending.length === 0 && this.waiting === 0
  }

  /** Batches that the edge has not acknowledged. */
  get waiting(): number {
    return this.#options.outbox.size + this.#unstored.size
  }

  /** An edge hangs up on a batch with one in it that is none: such a one is told of, and not signed. */
  add(statement: ReceiptStatement): void {
    if (!receiptStatementSchema.safeParse(statement).success) {
      const reason = `no edge would take the receipt of ${statement.lease} as it would have to be`
      return this.#options.onDropped(1, reason)
    }
    this.#pending.push(statement)
    if (this.#pending.length >= MAX_RECEIPTS_PER_BATCH) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), RECEIPT_BATCH_DELAY_MS)
  }

  /** Signs and stores what has been gathered, and sends what the edge can take. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pending.length > 0) this.#take()
    this.#send()
  }

  /** The connection is welcome: everything stored is sent again, oldest first. */
  connected(outlet: ReceiptOutlet): void {
    this.#outlet = outlet
    this.#inFlight.clear()
    this.#lastSent = 0
    this.#send()
  }

  disconnected(): void {
    this.#outlet = undefined
    this.#inFlight.clear()
    this.#storeAgain()
  }

  /** The agent ends: what is in memory alone, and cannot be stored now, is lost. */
  close(): void {
    this.flush()
    this.#inFlight.clear()
    this.#storeAgain()
    clearTimeout(this.#retry)
    const lost = this.#unstored.clear()
    if (lost > 0) this.#options.onDropped(lost, 'they are not stored, and the edge confirms none')
  }

  /** `unknown` is final too: the edge has no such lease and never will. */
  acknowledge(ack: ReceiptAck): void {
    for (const { lease, status } of ack.results) {
      if (this.#isSettled(lease) && status === 'unknown') this.#options.onUnknown(lease)
    }
    this.#send()
    if (this.isIdle) this.#onIdle?.()
  }

  /** Resolves when everything is acknowledged, or after `timeoutMs`. */
  async settled(timeoutMs: number): Promise<void> {
    this.flush()
    if (this.isIdle || this.#outlet === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    this.#onIdle = resolve
    await promise
    clearTimeout(timer)
    this.#onIdle = undefined
  }

  #take(): void {
    const { identity } = this.#options
    const statements = this.#pending
    this.#pending = []
    const encoded = statements.map(encodeStatement)
    const frame: ReceiptBatchFrame = {
      signature: toBase64Url(identity.sign(batchToSign(encoded))),
      statements: encoded.map(toBase64Url),
    }
    const leases = statements.map(({ lease }) => lease)
    const payload = encodeControl(frame)
    if (!this.#isStored(payload, leases)) this.#keep(payload, leases)
  }

  /** A full disk must not stop the agent from answering, nor keep a receipt from its edge. */
  #isStored(payload: Uint8Array, leases: readonly string[]): boolean {
    const { outbox, onDropped, onUnstored } = this.#options
    try {
      const dropped = outbox.put(payload, leases)
      this.#isToldUnstored = false
      if (dropped > 0) onDropped(dropped, 'the store is full: the oldest went')
      return true
    } catch (error) {
      if (!this.#isToldUnstored) onUnstored(errorMessage(error))
      this.#isToldUnstored = true
      return false
    }
  }

  #keep(payload: Uint8Array, leases: readonly string[]): void {
    const gone = this.#unstored.put(payload, leases)
    this.#retryLater()
    if (gone === undefined) return
    this.#inFlight.delete(gone.id)
    this.#options.onDropped(1, 'they cannot be stored, and memory holds no more: the oldest went')
  }

  /** Stores what waits in memory; what is under way will be acknowledged, or wait again. */
  #storeAgain(): void {
    for (const { id, payload, leases } of this.#unstored.except(this.#inFlight)) {
      if (!this.#isStored(payload, leases)) break
      this.#unstored.remove(id)
    }
    this.#retryLater()
  }

  #retryLater(): void {
    if (this.#unstored.size === 0 || this.#retry !== undefined) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#storeAgain()
      this.#send()
    }, RECEIPT_STORE_RETRY_MS).unref()
  }

  #send(): void {
    while (this.#outlet !== undefined && this.#inFlight.size < MAX_RECEIPT_BATCHES_IN_FLIGHT) {
      const batch = this.#next()
      if (batch === undefined) return
      this.#inFlight.set(batch.id, new Set(batch.leases))
      this.#outlet(FRAME.receipts, batch.payload)
    }
  }

  /** The next to be sent over this connection: those of the outbox first, for most are older. */
  #next(): StoredBatch | undefined {
    const { identity, outbox } = this.#options
    for (;;) {
      const stored = outbox.next(this.#lastSent)
      if (stored === undefined) return this.#unstored.except(this.#inFlight)[0]
      this.#lastSent = stored.id
      if (stored.id > this.#lastFound || isGood(stored.payload, identity.peer)) return stored
      // Edges hang up on these. What another key has signed waits for an agent that has that key.
      outbox.pass(stored.id)
    }
  }

  /** Takes note that the edge has a receipt; false where none was sent for this lease. */
  #isSettled(lease: string): boolean {
    for (const [id, leases] of this.#inFlight) {
      if (!leases.delete(lease)) continue
      if (leases.size > 0) return true
      this.#inFlight.delete(id)
      if (this.#unstored.has(id)) this.#unstored.remove(id)
      else this.#options.outbox.remove(id)
      return true
    }
    return false
  }
}

/** Whether a stored batch is one that an edge takes of this provider. */
function isGood(payload: Uint8Array, peer: string): boolean {
  try {
    const { statements } = decodeControl(receiptsSchema, payload)
    return statements.every((text) => parseStatement(fromBase64Url(text))?.provider === peer)
  } catch (error) {
    if (error instanceof WireError) return false
    throw error
  }
}
