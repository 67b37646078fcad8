import {
  invoiceRequestSchema,
  type InvoiceAnswer,
  type InvoiceRequest,
} from '@infernet/schemas/wire'
import { INVOICE_TIMEOUT_MS, MAX_INVOICE_ASKS } from '../limits.ts'
import type { InvoiceOrder } from '../ports.ts'

export type InvoiceAskErrorCode =
  /** It is not connected, or went away while it was asked. */
  | 'offline'
  /** It does not give invoices, or says why not this one. */
  | 'refused'
  /** It is asked for enough of them. */
  | 'busy'
  /** No answer in time; one that comes later is ignored. */
  | 'timeout'

/** Why there is no invoice. The same payout and attempt may be asked for again. */
export class InvoiceAskError extends Error {
  override readonly name = 'InvoiceAskError'
  readonly code: InvoiceAskErrorCode
  constructor(code: InvoiceAskErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export interface InvoiceAsksOptions {
  readonly send: (request: InvoiceRequest) => void
  readonly later: (task: () => void, delayMs: number) => void
  /** ms since the epoch. */
  readonly now: () => number
}

interface OpenAsk {
  readonly resolve: (bolt11: string) => void
  readonly reject: (error: InvoiceAskError) => void
}

/** The invoices that one provider is being asked for. */
export class InvoiceAsks {
  readonly #options: InvoiceAsksOptions
  readonly #open = new Map<number, OpenAsk>()
  #lastId = 0

  constructor(options: InvoiceAsksOptions) {
    this.#options = options
  }

  /** Resolves with the invoice as the agent wrote it, unchecked. Rejects with {@link InvoiceAskError}. */
  async ask({ payout, attempt, amountMsat }: InvoiceOrder): Promise<string> {
    if (this.#open.size >= MAX_INVOICE_ASKS) {
      throw new InvoiceAskError('busy', `it is asked for ${MAX_INVOICE_ASKS} invoices already`)
    }
    // Grows with time, so that no late answer fits after a hibernation, which forgets the last one.
    const id = Math.max(this.#lastId + 1, this.#options.now())
    const request = { id, payout, attempt, amount_msat: String(amountMsat) }
    // The agent would take it for a breach of the protocol.
    if (!invoiceRequestSchema.safeParse(request).success) {
      throw new InvoiceAskError('refused', 'no agent can be asked for such an invoice')
    }
    this.#lastId = id
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    this.#open.set(id, { resolve, reject })
    this.#options.later(() => this.#late(id), INVOICE_TIMEOUT_MS)
    this.#options.send(request)
    return promise
  }

  /** An answer has come; one that nobody waits for is ignored. */
  answered({ id, bolt11, error = 'it gave no invoice' }: InvoiceAnswer): void {
    const ask = this.#open.get(id)
    this.#open.delete(id)
    if (bolt11 === undefined) ask?.reject(new InvoiceAskError('refused', error))
    else ask?.resolve(bolt11)
  }

  /** The connection is gone. */
  lost(): void {
    for (const { reject } of this.#open.values()) {
      reject(new InvoiceAskError('offline', 'it went away while it was asked'))
    }
    this.#open.clear()
  }

  #late(id: number): void {
    const ask = this.#open.get(id)
    this.#open.delete(id)
    ask?.reject(new InvoiceAskError('timeout', `no invoice within ${INVOICE_TIMEOUT_MS / 1000} s`))
  }
}
