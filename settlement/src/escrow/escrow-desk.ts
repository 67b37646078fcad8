import type { DeskRim } from '../intake/desk-rim.ts'
import { derivePreimage } from '../intake/derived-preimage.ts'
import { IntakeError } from '../intake/intake-error.ts'
import { openInvoice } from '../intake/open-invoice.ts'
import { isPassing, repeat } from '../intake/retry.ts'
import type { Hash, Invoice, LightningBackend, Preimage } from '../lightning/lightning-backend.ts'
import { LightningError, type LightningErrorCode } from '../lightning/lightning-error.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import { EscrowError } from './escrow-error.ts'
import { checkEscrowOrder, MAX_LIVE_ESCROWS } from './escrow-limits.ts'
import { isFinished } from './escrow-state.ts'
import type { EscrowDecision, EscrowOrder, EscrowRow, EscrowStore } from './escrow-store.ts'
import { HoldWatches } from './hold-watches.ts'
import { mustDecide } from './guardian-deadline.ts'
import { checkDecision } from './settled-postings.ts'

/** How often heights are compared and rows looked after: a block takes some 600 s. */
const ROUND_MS = 30_000
/** Rows read at once. */
const ROUND_PAGE = 100
/** The node has done already what was asked for, or the opposite: what it has done counts. */
const OVERTAKEN: ReadonlySet<LightningErrorCode> = new Set([
  'invoice_canceled',
  'invoice_settled',
  'not_found',
])

export interface EscrowDeskParts {
  readonly backend: LightningBackend
  readonly store: EscrowStore
  /** See `derivePreimage`. Who has it can take every payment that is held. */
  readonly preimageKey: Uint8Array
  readonly rim: DeskRim
}

/**
 * Holds payments for jobs of a fixed price until a verdict. Every step is: write down what is wanted, ask the
 * node, look what it has done, write that down. A desk that was killed between any two is replaced by a new
 * one over the same store.
 */
export class EscrowDesk {
  readonly #backend: LightningBackend
  readonly #store: EscrowStore
  readonly #key: Uint8Array
  readonly #rim: DeskRim
  readonly #watches: HoldWatches

  constructor({ backend, store, preimageKey, rim }: EscrowDeskParts) {
    this.#backend = backend
    this.#store = store
    this.#key = preimageKey
    this.#rim = rim
    this.#watches = new HoldWatches((paymentHash, signal) => this.#watch(paymentHash, signal))
  }

  /**
   * The escrow of that job and attempt with its hold invoice, made if there is none. Throws `IntakeError`
   * `bad_order`, `bad_derivation` or `order_conflict`, {@link EscrowError} `too_many`, and what node and
   * store throw: ask again then.
   */
  async open(order: EscrowOrder): Promise<EscrowRow> {
    checkEscrowOrder(order)
    const paymentHash = hashOf(this.#preimage(order))
    await this.#assertRoom(paymentHash)
    const { job, attempt, payer, amountMsat, memo, expirySeconds, cltvExpiry } = order
    const row = await this.#store.create({
      job,
      attempt,
      payer,
      amountMsat,
      memo,
      expirySeconds,
      cltvExpiry,
      paymentHash,
      createdAt: this.#rim.now(),
    })
    const opened = row.state === 'quoted' ? await this.#add(row) : row
    if (!isFinished(opened.state)) this.#watches.follow(paymentHash)
    return opened
  }

  /**
   * The verdict, once; the first decision holds, be it this one or the guardian's, and is in the row that is
   * returned. The node is asked at once if it can be, else as soon as it can. Throws {@link EscrowError}
   * `bad_verdict` and `not_accepted`, `IntakeError` `unknown_row`.
   */
  async decide(paymentHash: Hash, decision: EscrowDecision): Promise<EscrowRow> {
    const row = await this.#row(paymentHash)
    checkDecision(decision, row.amountMsat)
    const decided = await this.#store.decided(paymentHash, decision)
    await this.#lookAfter(decided).catch((error: unknown) => {
      if (!isPassing(error)) throw error
    })
    return await this.#row(paymentHash)
  }

  /**
   * Watches every escrow that is not finished, carries out decisions, and forces them at the guardian's
   * height, until `signal` aborts. Throws what does not go away by itself.
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.#watches.during(signal, (until) =>
      repeat(this.#rim, until, ROUND_MS, () => this.#round(until)),
    )
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { blockHeight } = await this.#backend.info()
    let after = ''
    while (!signal.aborted) {
      const page = await this.#store.unfinished(after, ROUND_PAGE)
      for (const row of page) {
        if (signal.aborted) return
        await this.#lookAfter(row)
        await this.#guard(row.paymentHash, blockHeight)
        this.#watches.follow(row.paymentHash)
      }
      if (page.length < ROUND_PAGE) return
      after = page.at(-1)?.paymentHash ?? after
    }
  }

  /** Nobody may wait any longer: without a verdict the payer gets the money back. */
  async #guard(paymentHash: Hash, blockHeight: number): Promise<void> {
    const { state, htlcExpiryHeight, decision } = await this.#row(paymentHash)
    if (state !== 'accepted' || htlcExpiryHeight === undefined || decision !== undefined) return
    if (!mustDecide(blockHeight, htlcExpiryHeight)) return
    const forced = await this.#store.decided(paymentHash, { kind: 'cancel', reason: 'guardian' })
    await this.#lookAfter(forced)
  }

  async #watch(paymentHash: Hash, signal: AbortSignal): Promise<void> {
    for await (const invoice of this.#backend.watchInvoice(paymentHash, signal)) {
      const row = await this.#row(paymentHash)
      await this.#lookAfter(row, invoice)
    }
  }

  /** One row's trouble does not stop the others; that of the node or the store is theirs as well. */
  async #lookAfter(row: EscrowRow, seen?: Invoice): Promise<void> {
    try {
      await this.#advance(row, seen)
    } catch (error) {
      if (isPassing(error)) throw error
      this.#rim.problem?.({ id: row.paymentHash, error })
    }
  }

  /** Brings a row to where its invoice is, then its invoice to where the decision wants it. */
  async #advance(row: EscrowRow, seen?: Invoice): Promise<void> {
    if (isFinished(row.state)) return
    const invoice = seen ?? (await this.#backend.lookupInvoice(row.paymentHash))
    if (invoice === undefined) return await this.#absent(row)
    const now = await this.#follow(row, invoice)
    if (now.decision === undefined || isFinished(now.state)) return
    await this.#carryOut(now, now.decision)
    const after = await this.#backend.lookupInvoice(row.paymentHash)
    if (after !== undefined) await this.#follow(now, after)
  }

  /** Writes down what the node says of the invoice. */
  async #follow(row: EscrowRow, invoice: Invoice): Promise<EscrowRow> {
    let now = row
    if (now.state === 'quoted') now = await this.#store.opened(...openedOf(row, invoice))
    if (invoice.state === 'canceled') {
      const unasked = now.state === 'accepted' ? 'auto_cancelled' : 'expired'
      const reason = now.decision?.kind === 'cancel' ? now.decision.reason : unasked
      return await this.#store.cancelled(row.paymentHash, reason)
    }
    const held = invoice.state === 'accepted' || invoice.state === 'settled'
    if (held) {
      const { paidMsat, htlcExpiryHeight } = invoice
      now = await this.#store.accepted(row.paymentHash, { paidMsat, htlcExpiryHeight })
    }
    if (invoice.state === 'settled')
      now = await this.#store.settled(row.paymentHash, invoice.paidMsat)
    return now
  }

  async #carryOut(row: EscrowRow, decision: EscrowDecision): Promise<void> {
    try {
      if (decision.kind === 'settle') await this.#backend.settle(this.#preimage(row))
      else await this.#backend.cancel(row.paymentHash)
    } catch (error) {
      if (!(error instanceof LightningError) || !OVERTAKEN.has(error.code)) throw error
    }
  }

  /** The node does not know the invoice: not yet, or, once it is canceled, not any more. */
  async #absent(row: EscrowRow): Promise<void> {
    const over = (row.expiresAt ?? row.createdAt + row.expirySeconds) <= this.#rim.now()
    if (row.state === 'accepted') {
      const { blockHeight } = await this.#backend.info()
      if (blockHeight >= (row.htlcExpiryHeight ?? 0))
        await this.#store.cancelled(row.paymentHash, 'auto_cancelled')
    } else if (row.decision?.kind === 'cancel')
      await this.#store.cancelled(row.paymentHash, row.decision.reason)
    else if (over) await this.#store.cancelled(row.paymentHash, 'expired')
    else if (row.state === 'quoted') await this.#add(row)
  }

  async #add(row: EscrowRow): Promise<EscrowRow> {
    const { paymentHash, amountMsat, memo, expirySeconds, cltvExpiry } = row
    if (hashOf(this.#preimage(row)) !== paymentHash)
      throw new IntakeError('wrong_key', `${row.job} was made with another key`)
    const request = { paymentHash, amountMsat, memo, expirySeconds, cltvExpiry }
    const added = await this.#backend.addHoldInvoice(request)
    return await this.#store.opened(paymentHash, openInvoice(added, row))
  }

  async #assertRoom(paymentHash: Hash): Promise<void> {
    if ((await this.#store.find(paymentHash)) !== undefined) return
    const live = await this.#store.unfinished('', MAX_LIVE_ESCROWS)
    if (live.length >= MAX_LIVE_ESCROWS)
      throw new EscrowError('too_many', `${MAX_LIVE_ESCROWS} escrows are under way`)
  }

  async #row(paymentHash: Hash): Promise<EscrowRow> {
    const row = await this.#store.find(paymentHash)
    if (row === undefined) throw new IntakeError('unknown_row', `no escrow has ${paymentHash}`)
    return row
  }

  #preimage({ job, attempt }: Pick<EscrowOrder, 'job' | 'attempt'>): Preimage {
    return derivePreimage(this.#key, { purpose: 'escrow', id: job, attempt })
  }
}

const openedOf = (row: EscrowRow, invoice: Invoice) =>
  [row.paymentHash, openInvoice(invoice, row)] as const
