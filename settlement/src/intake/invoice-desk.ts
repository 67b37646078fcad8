import type { LightningBackend, Preimage } from '../lightning/lightning-backend.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import { derivePreimage } from './derived-preimage.ts'
import type { DeskRim } from './desk-rim.ts'
import { IntakeError } from './intake-error.ts'
import type { InvoiceStore, TopUp, TopUpOrder } from './invoice-store.ts'
import { openInvoice } from './open-invoice.ts'
import { checkOrder } from './order-limits.ts'
import { isPassing, repeat, together } from './retry.ts'

/** Until a subscription that ended in order is opened again. */
const RESUBSCRIBE_MS = 200
/** How often unfinished rows are looked after: nobody waits for it, money arrives by the watch. */
const SWEEP_MS = 60_000
/** Rows read at once; keeps a page in memory, not the table. */
const SWEEP_PAGE = 100

export interface InvoiceDeskParts {
  readonly backend: LightningBackend
  readonly store: InvoiceStore
  /** See `derivePreimage`; must stay the same as long as rows are unfinished. */
  readonly preimageKey: Uint8Array
  readonly rim: DeskRim
}

/**
 * Issues invoices for top-ups and credits what is paid to them. All that it knows is in the store and at the
 * node: a desk that was killed at any point is replaced by a new one over the same store.
 */
export class InvoiceDesk {
  readonly #backend: LightningBackend
  readonly #store: InvoiceStore
  readonly #key: Uint8Array
  readonly #rim: DeskRim

  constructor({ backend, store, preimageKey, rim }: InvoiceDeskParts) {
    this.#backend = backend
    this.#store = store
    this.#key = preimageKey
    this.#rim = rim
  }

  /**
   * The top-up of that id with its invoice, made if there is none; the same order always has the same
   * invoice. Throws `IntakeError` `bad_order`, `bad_derivation` or `order_conflict`, and what node and
   * store throw: ask again then.
   */
  async issue(order: TopUpOrder): Promise<TopUp> {
    checkOrder(order)
    const topUp = await this.#store.create({
      id: order.id,
      to: order.to,
      amountMsat: order.amountMsat,
      memo: order.memo,
      expirySeconds: order.expirySeconds,
      paymentHash: hashOf(this.#preimage(order.id)),
      createdAt: this.#rim.now(),
    })
    return topUp.state === 'requested' ? await this.#open(topUp) : topUp
  }

  /**
   * Credits what is paid, from where the last desk stopped, and finishes what it left, until `signal` aborts.
   * Throws what does not go away by itself, such as a macaroon that is not enough.
   */
  async run(signal: AbortSignal): Promise<void> {
    await together(signal, [
      (until) =>
        repeat(this.#rim, until, RESUBSCRIBE_MS, (progress) => this.#watch(until, progress)),
      (until) => repeat(this.#rim, until, SWEEP_MS, () => this.#sweep(until)),
    ])
  }

  /** The backend pages through all that was settled when the index is 0, and goes on from any other. */
  async #watch(signal: AbortSignal, progress: () => void): Promise<void> {
    const from = await this.#store.settleIndex()
    for await (const invoice of this.#backend.watchSettled(from, signal)) {
      await this.#store.settled(invoice)
      progress()
    }
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    let after = ''
    while (!signal.aborted) {
      const page = await this.#store.unfinished(after, SWEEP_PAGE)
      for (const topUp of page) {
        if (signal.aborted) return
        await this.#lookAfter(topUp)
      }
      if (page.length < SWEEP_PAGE) return
      after = page.at(-1)?.id ?? after
    }
  }

  async #lookAfter(topUp: TopUp): Promise<void> {
    try {
      const endsAt = topUp.expiresAt ?? topUp.createdAt + topUp.expirySeconds
      if (endsAt <= this.#rim.now()) await this.#finish(topUp)
      else if (topUp.state === 'requested') await this.#open(topUp)
    } catch (error) {
      if (isPassing(error)) throw error
      this.#rim.problem?.({ id: topUp.id, error })
    }
  }

  async #open(topUp: TopUp): Promise<TopUp> {
    const { amountMsat, memo, expirySeconds } = topUp
    const preimage = this.#preimage(topUp.id)
    if (hashOf(preimage) !== topUp.paymentHash)
      throw new IntakeError('wrong_key', `${topUp.id} was made with another key`)
    const added = await this.#backend.addInvoice({ preimage, amountMsat, memo, expirySeconds })
    return await this.#store.opened(topUp.paymentHash, openInvoice(added, topUp))
  }

  /**
   * Its time is over by our clock, but the node decides: an invoice that it still has open, or of which a
   * payment is under way, stays.
   */
  async #finish(topUp: TopUp): Promise<void> {
    const invoice = await this.#backend.lookupInvoice(topUp.paymentHash)
    if (invoice === undefined || invoice.state === 'canceled')
      await this.#store.expired(topUp.paymentHash)
    // The watch credits it, in order; here only what it has passed by, so that the index skips nothing.
    else if (invoice.state === 'settled')
      if (invoice.settleIndex <= (await this.#store.settleIndex()))
        await this.#store.settled(invoice)
  }

  #preimage(id: string): Preimage {
    return derivePreimage(this.#key, { purpose: 'topup', id, attempt: 0 })
  }
}
