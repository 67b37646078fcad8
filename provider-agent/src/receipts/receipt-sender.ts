import { FRAME, type FrameType } from '@infernet/schemas/frame'
import { MAX_RECEIPTS_PER_BATCH } from '@infernet/schemas/limits'
import {
  batchToSign,
  encodeStatement,
  toBase64Url,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import { encodeControl, type ReceiptAck, type ReceiptBatchFrame } from '@infernet/schemas/wire'
import type { Identity } from '../identity.ts'
import { MAX_RECEIPT_BATCHES_IN_FLIGHT, RECEIPT_BATCH_DELAY_MS } from '../limits.ts'
import type { Outbox } from './outbox.ts'

/** Writes a frame on channel 0 of the live connection. */
export type ReceiptOutlet = (type: FrameType, payload: Uint8Array) => void

export interface ReceiptSenderOptions {
  readonly identity: Identity
  readonly outbox: Outbox
  /** The edge does not know these leases; nothing more can be done for them. */
  readonly onUnknown: (lease: string) => void
  /** So many batches are gone, for this reason. */
  readonly onDropped: (batches: number, reason: string) => void
}

/**
 * Gathers statements into batches, signs each once, stores it, and sends it until the edge has
 * acknowledged every receipt in it.
 */
export class ReceiptSender {
  readonly #options: ReceiptSenderOptions
  #pending: ReceiptStatement[] = []
  #timer: NodeJS.Timeout | undefined
  #outlet: ReceiptOutlet | undefined
  /** Batches sent over the live connection: id to the leases not yet acknowledged. */
  readonly #inFlight = new Map<number, Set<string>>()
  #lastSent = 0
  #onIdle: (() => void) | undefined

  constructor(options: ReceiptSenderOptions) {
    this.#options = options
  }

  /** Receipts that are neither stored nor acknowledged, plus batches that wait in the outbox. */
  get isIdle(): boolean {
    return this.#pending.length === 0 && this.#options.outbox.size === 0
  }

  add(statement: ReceiptStatement): void {
    this.#pending.push(statement)
    if (this.#pending.length >= MAX_RECEIPTS_PER_BATCH) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), RECEIPT_BATCH_DELAY_MS)
  }

  /** Signs and stores what has been gathered, and sends what the edge can take. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pending.length > 0) this.#store()
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
  }

  /** `unknown` is final too: the edge has no such lease and never will. */
  acknowledge(ack: ReceiptAck): void {
    for (const { lease, status } of ack.results) {
      if (status === 'unknown') this.#options.onUnknown(lease)
      this.#settle(lease)
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

  #store(): void {
    const { identity, outbox, onDropped } = this.#options
    const statements = this.#pending
    this.#pending = []
    const encoded = statements.map(encodeStatement)
    const frame: ReceiptBatchFrame = {
      signature: toBase64Url(identity.sign(batchToSign(encoded))),
      statements: encoded.map(toBase64Url),
    }
    const leases = statements.map(({ lease }) => lease)
    try {
      const dropped = outbox.put(encodeControl(frame), leases)
      if (dropped > 0) onDropped(dropped, 'the store is full: the oldest went')
    } catch (error) {
      // A full disk must not stop the agent from answering.
      onDropped(1, error instanceof Error ? error.message : String(error))
    }
  }

  #send(): void {
    while (this.#outlet !== undefined && this.#inFlight.size < MAX_RECEIPT_BATCHES_IN_FLIGHT) {
      const batch = this.#options.outbox.next(this.#lastSent)
      if (batch === undefined) return
      this.#lastSent = batch.id
      this.#inFlight.set(batch.id, new Set(batch.leases))
      this.#outlet(FRAME.receipts, batch.payload)
    }
  }

  #settle(lease: string): void {
    for (const [id, leases] of this.#inFlight) {
      if (!leases.delete(lease)) continue
      if (leases.size > 0) return
      this.#inFlight.delete(id)
      this.#options.outbox.remove(id)
      return
    }
  }
}
