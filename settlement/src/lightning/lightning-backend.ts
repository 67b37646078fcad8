import type { Bolt11Network, DecodedInvoice } from '../bolt11/invoice.ts'

/** Lower-case hex of 32 bytes. */
export type Hash = string
export type Preimage = string
/** Lower-case hex of a compressed public key. */
export type NodeKey = string

/**
 * A Lightning node, be it real or simulated. Amounts are `bigint` msat, dates Unix seconds. Every call is
 * bounded in time, and throws `LightningError` when the node does not do it; the outcome of a payment is
 * a value. `backend-conformance.ts` says what all implementations have in common.
 */
export interface LightningBackend {
  info(): Promise<NodeInfo>
  balance(): Promise<ChannelBalance>

  /**
   * Adds an invoice for a preimage that the caller derived. Again with the same preimage: the invoice
   * that there is, or `conflict` when it is for another amount.
   */
  addInvoice(request: InvoiceRequest): Promise<AddedInvoice>
  /** As {@link addInvoice}, but a payment stays `accepted` until {@link settle} or {@link cancel}. */
  addHoldInvoice(request: HoldInvoiceRequest): Promise<AddedInvoice>
  /** Takes the money of an accepted hold invoice. Nothing happens when it is settled already. */
  settle(preimage: Preimage): Promise<void>
  /** Gives the money back, or refuses what may come. Nothing happens when it is canceled already. */
  cancel(paymentHash: Hash): Promise<void>
  lookupInvoice(paymentHash: Hash): Promise<Invoice | undefined>
  /** The invoice now and whenever it changes; ends with its last state, or when `signal` aborts. */
  watchInvoice(paymentHash: Hash, signal: AbortSignal): AsyncIterable<Invoice>
  /**
   * Every invoice settled after `settleIndex` in order of settling, past ones first, from 0 all; goes on
   * until `signal` aborts. Throws `unavailable` when the node goes: go on from the last index seen.
   */
  watchSettled(settleIndex: bigint, signal: AbortSignal): AsyncIterable<Invoice>
  /** Every invoice added after `addIndex`, in order, in whatever state. */
  listInvoices(addIndex: bigint, signal: AbortSignal): AsyncIterable<Invoice>

  /** Reads an invoice here and at the node; `invalid` when either cannot, `conflict` if they differ. */
  decode(bolt11: string): Promise<DecodedInvoice>
  /**
   * Pays, or finds out what became of an earlier attempt with the same hash: may be called again at any
   * time with the same order. Aborting stops the waiting, not the payment. Throws only `invalid`, before
   * anything was sent.
   */
  pay(order: PaymentOrder, signal?: AbortSignal): Promise<PaymentOutcome>
  /** What became of a payment; waits for its end until the limit or `signal`, then says `in_flight`. */
  track(paymentHash: Hash, options?: TrackOptions): Promise<TrackOutcome>
  /** Every payment made after `index`, in order, in whatever state. */
  listPayments(index: bigint, signal: AbortSignal): AsyncIterable<PaymentRecord>

  /** Ends connections and watches. */
  close(): void
}

export interface NodeInfo {
  readonly pubkey: NodeKey
  readonly alias: string
  readonly version: string
  readonly network: Bolt11Network
  readonly blockHeight: number
  readonly syncedToChain: boolean
  /** Nothing of this is real money. */
  readonly simulated: boolean
}

export interface ChannelBalance {
  /** Ours to send. */
  readonly localMsat: bigint
  /** What we could receive. */
  readonly remoteMsat: bigint
  /** In HTLCs that we sent, that we were sent. */
  readonly unsettledLocalMsat: bigint
  readonly unsettledRemoteMsat: bigint
}

export interface InvoiceRequest {
  readonly preimage: Preimage
  /** 0: the payer chooses. */
  readonly amountMsat: bigint
  readonly memo: string
  readonly expirySeconds: number
  /** Adds hints to private channels. */
  readonly private?: boolean
}

export interface HoldInvoiceRequest extends Omit<InvoiceRequest, 'preimage'> {
  readonly paymentHash: Hash
  /** Blocks that the payer's HTLC must have left; LND gives up some before its end, see docs. */
  readonly cltvExpiry: number
}

export interface AddedInvoice {
  readonly paymentHash: Hash
  readonly bolt11: string
  readonly addIndex: bigint
}

export type InvoiceState = 'open' | 'accepted' | 'settled' | 'canceled'

export interface Invoice {
  readonly paymentHash: Hash
  /** Empty for keysend. */
  readonly bolt11: string
  readonly state: InvoiceState
  readonly amountMsat: bigint
  /** May be above `amountMsat`; 0 until it is accepted. */
  readonly paidMsat: bigint
  readonly memo: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly addIndex: bigint
  /** 0 until it is settled. */
  readonly settleIndex: bigint
  /** Unix seconds; 0 until it is settled. */
  readonly settledAt: number
  /** Lowest height at which an accepted HTLC ends; LND cancels some blocks before. */
  readonly htlcExpiryHeight: number | undefined
  readonly keysend: boolean
}

export interface PaymentOrder {
  readonly to: PaymentTarget
  /** 0 allows routes without fees only, in practice a direct channel. */
  readonly feeLimitMsat: bigint
  /** How long LND may start new attempts. */
  readonly timeoutSeconds: number
  /** Most blocks that the money may be locked. */
  readonly cltvLimit: number
  readonly maxParts: number
}

export type PaymentTarget =
  | {
      readonly kind: 'bolt11'
      readonly bolt11: string
      /** For an invoice that names none, and only for such. */
      readonly amountMsat?: bigint
    }
  | {
      readonly kind: 'keysend'
      readonly pubkey: NodeKey
      /** Derived by the caller, so that a second try is the same payment. */
      readonly preimage: Preimage
      readonly amountMsat: bigint
    }

/**
 * `succeeded` has the proof. `failed` is final: the node said so itself, or refused to begin because the
 * invoice has expired. With `unknown` the money may be gone or may still go: pay the same order again,
 * or track it.
 */
export type PaymentOutcome =
  | PaymentSucceeded
  | { readonly status: 'failed'; readonly reason: PaymentFailure }
  | { readonly status: 'in_flight' }
  | { readonly status: 'unknown'; readonly reason: string }

/** `not_found` is no licence to refund: a request may still be on its way to the node. */
export type TrackOutcome = PaymentOutcome | { readonly status: 'not_found' }

export interface PaymentSucceeded {
  readonly status: 'succeeded'
  readonly preimage: Preimage
  readonly amountMsat: bigint
  readonly feeMsat: bigint
}

export type PaymentFailure =
  | 'timeout'
  | 'no_route'
  | 'error'
  | 'incorrect_payment_details'
  | 'insufficient_balance'
  | 'canceled'
  | 'invoice_expired'

export interface TrackOptions {
  readonly signal?: AbortSignal
  /** 0 asks for the state as it is. */
  readonly waitMs?: number
}

export interface PaymentRecord {
  readonly index: bigint
  readonly paymentHash: Hash
  /** Empty for keysend. */
  readonly bolt11: string
  readonly amountMsat: bigint
  readonly feeMsat: bigint
  readonly createdAt: number
  readonly outcome: Exclude<PaymentOutcome, { status: 'unknown' }>
}
