import type { AddHoldInvoiceResp } from '@lightningpolar/lnd-api/dist/types/invoicesrpc/AddHoldInvoiceResp.js'
import type { CancelInvoiceResp } from '@lightningpolar/lnd-api/dist/types/invoicesrpc/CancelInvoiceResp.js'
import type { SettleInvoiceResp } from '@lightningpolar/lnd-api/dist/types/invoicesrpc/SettleInvoiceResp.js'
import type { AddInvoiceResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/AddInvoiceResponse.js'
import type { Invoice as LndInvoice } from '@lightningpolar/lnd-api/dist/types/lnrpc/Invoice.js'
import type { ListInvoiceResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/ListInvoiceResponse.js'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  AddedInvoice,
  HoldInvoiceRequest,
  Invoice,
  InvoiceRequest,
} from '../lightning-backend.ts'
import { LightningError } from '../lightning-error.ts'
import { amountText, count, hashBytes } from './lnd-arguments.ts'
import { streamed, unary, type LndConnection } from './lnd-connection.ts'
import { ALREADY_EXISTS_TEXT, isServiceError, toLightningError } from './lnd-errors.ts'
import { hashOf, toInvoice } from './lnd-messages.ts'

/** Messages stay far below their limit: an invoice has about 1 KB. */
const PAGE_SIZE = 500
/** How often a node is asked that has never settled an invoice: only then LND cannot tell by itself. */
const FIRST_SETTLED_POLL_MS = 500

/** The receiving half of a backend, on the Lightning and Invoices services. */
export class LndInvoices {
  readonly #lnd: LndConnection

  constructor(lnd: LndConnection) {
    this.#lnd = lnd
  }

  async add(request: InvoiceRequest): Promise<AddedInvoice> {
    const rPreimage = hashBytes(request.preimage)
    const paymentHash = hashOf(request.preimage)
    return await this.#addOnce(paymentHash, request.amountMsat, async () => {
      return await unary<AddInvoiceResponse>((options, done) =>
        this.#lnd.lightning.AddInvoice({ ...fieldsOf(request), rPreimage }, options, done),
      )
    })
  }

  async addHold(request: HoldInvoiceRequest): Promise<AddedInvoice> {
    const hash = hashBytes(request.paymentHash)
    const cltvExpiry = String(count(request.cltvExpiry))
    return await this.#addOnce(request.paymentHash, request.amountMsat, async () => {
      return await unary<AddHoldInvoiceResp>((options, done) =>
        this.#lnd.invoices.AddHoldInvoice(
          { ...fieldsOf(request), hash, cltvExpiry },
          options,
          done,
        ),
      )
    })
  }

  /** Whether it was this call or an earlier one that added it is all the same. */
  async #addOnce(
    paymentHash: string,
    amountMsat: bigint,
    add: () => Promise<{ paymentRequest: string; addIndex: string }>,
  ): Promise<AddedInvoice> {
    try {
      const { paymentRequest, addIndex } = await add()
      return { paymentHash, bolt11: paymentRequest, addIndex: BigInt(addIndex) }
    } catch (error) {
      if (!(error instanceof LightningError) || !error.message.includes(ALREADY_EXISTS_TEXT))
        throw error
    }
    const there = await this.lookup(paymentHash)
    if (there === undefined || there.amountMsat !== amountMsat)
      throw new LightningError('conflict', 'Another invoice has this payment hash')
    return { paymentHash, bolt11: there.bolt11, addIndex: there.addIndex }
  }

  async settle(preimage: string): Promise<void> {
    await unary<SettleInvoiceResp>((options, done) =>
      this.#lnd.invoices.SettleInvoice({ preimage: hashBytes(preimage) }, options, done),
    )
  }

  async cancel(paymentHash: string): Promise<void> {
    await unary<CancelInvoiceResp>((options, done) =>
      this.#lnd.invoices.CancelInvoice({ paymentHash: hashBytes(paymentHash) }, options, done),
    )
  }

  async lookup(paymentHash: string): Promise<Invoice | undefined> {
    try {
      const found = await unary<LndInvoice>((options, done) =>
        this.#lnd.invoices.LookupInvoiceV2({ paymentHash: hashBytes(paymentHash) }, options, done),
      )
      return toInvoice(found)
    } catch (error) {
      if (error instanceof LightningError && error.code === 'not_found') return undefined
      throw error
    }
  }

  async *watch(paymentHash: string, signal: AbortSignal): AsyncGenerator<Invoice, void> {
    const rHash = hashBytes(paymentHash)
    const messages = streamed(() => this.#lnd.invoices.SubscribeSingleInvoice({ rHash }), signal)
    for await (const invoice of invoicesOf(messages)) {
      yield invoice
      if (invoice.state === 'settled' || invoice.state === 'canceled') return
    }
    if (!signal.aborted) throw new LightningError('unavailable', 'LND ended the subscription')
  }

  /** LND replays what was settled after an index other than 0; from 0 the first one must be found. */
  async *watchSettled(settleIndex: bigint, signal: AbortSignal): AsyncGenerator<Invoice, void> {
    let last = settleIndex
    while (last === 0n) {
      const past = await this.#allSettled(signal)
      for (const invoice of past) {
        last = invoice.settleIndex
        yield invoice
      }
      if (signal.aborted) return
      if (last === 0n) await sleep(FIRST_SETTLED_POLL_MS, undefined, { signal }).catch(() => {})
    }
    const from = String(last)
    const messages = streamed(
      () => this.#lnd.lightning.SubscribeInvoices({ settleIndex: from }),
      signal,
    )
    for await (const invoice of invoicesOf(messages)) {
      if (invoice.state !== 'settled' || invoice.settleIndex <= last) continue
      last = invoice.settleIndex
      yield invoice
    }
    if (!signal.aborted) throw new LightningError('unavailable', 'LND ended the subscription')
  }

  async *list(addIndex: bigint, signal: AbortSignal): AsyncGenerator<Invoice, void> {
    for (let offset = addIndex; !signal.aborted;) {
      const request = { indexOffset: String(offset), numMaxInvoices: PAGE_SIZE }
      const page = await unary<ListInvoiceResponse>((options, done) =>
        this.#lnd.lightning.ListInvoices(request, options, done),
      )
      yield* page.invoices.map(toInvoice)
      if (page.invoices.length < PAGE_SIZE) return
      offset = BigInt(page.lastIndexOffset)
    }
  }

  async #allSettled(signal: AbortSignal): Promise<Invoice[]> {
    const settled: Invoice[] = []
    for await (const invoice of this.list(0n, signal))
      if (invoice.state === 'settled') settled.push(invoice)
    return settled.sort((a, b) => Number(a.settleIndex - b.settleIndex))
  }
}

function fieldsOf(request: Omit<InvoiceRequest, 'preimage'>) {
  return {
    memo: request.memo,
    valueMsat: amountText(request.amountMsat),
    expiry: String(count(request.expirySeconds)),
    private: request.private ?? false,
  }
}

async function* invoicesOf(messages: AsyncIterable<LndInvoice>): AsyncGenerator<Invoice, void> {
  try {
    for await (const message of messages) yield toInvoice(message)
  } catch (error) {
    throw isServiceError(error) ? toLightningError(error) : error
  }
}
