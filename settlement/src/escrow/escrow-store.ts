import type { ClientCode } from '../ledger/account-code.ts'
import type { PaidLeg } from '../ledger/job-events.ts'
import type { Hash } from '../lightning/lightning-backend.ts'
import type { EscrowState } from './escrow-state.ts'
import type { OpenedInvoice } from '../intake/invoice-store.ts'

export interface EscrowOrder {
  /** What is to be done for the money; of letters, digits, `_` and `-`. */
  readonly job: string
  /** From 0; another one is another invoice for the same job, when the last was not paid in time. */
  readonly attempt: number
  /** Gets what was paid above the price, and everything if the money is ours without a good verdict. */
  readonly payer: ClientCode
  /** The price. */
  readonly amountMsat: bigint
  readonly memo: string
  /** Until when the invoice can be paid; what is held by then stays held. */
  readonly expirySeconds: number
  /** Blocks that the payment can be held, see `usableBlocks`. */
  readonly cltvExpiry: number
}

export type CancelReason =
  | 'bad_verdict'
  /** Its client or the operator wants it no more. */
  | 'withdrawn'
  /** No verdict by the guardian's height. */
  | 'guardian'
  /** LND gave it back before we did. */
  | 'auto_cancelled'
  /** Nobody paid in time. */
  | 'expired'

export type EscrowDecision =
  | {
      /** A good verdict: who gets how much of the price, and our fee. */
      readonly kind: 'settle'
      readonly legs: readonly PaidLeg[]
      readonly feeBps: number
    }
  | { readonly kind: 'cancel'; readonly reason: CancelReason }

export interface EscrowRow extends EscrowOrder {
  /** Its key. */
  readonly paymentHash: Hash
  readonly state: EscrowState
  /** Unix seconds. */
  readonly createdAt: number
  /** Both are known once it is open. */
  readonly bolt11: string | undefined
  readonly expiresAt: number | undefined
  /** Known while the payment is held. */
  readonly htlcExpiryHeight: number | undefined
  /** The first there was; written before anything is done about it. */
  readonly decision: EscrowDecision | undefined
  /** What is or was held; 0 before. */
  readonly paidMsat: bigint
  readonly cancelReason: CancelReason | undefined
}

/**
 * The durable rows of escrows. Each method is one atomic step, and may be asked again after an answer that
 * was lost: what has happened already changes nothing. Throws `IntakeError` `store_unavailable` when it
 * cannot tell, `unknown_row`, and `EscrowError` `illegal_move`.
 */
export interface EscrowStore {
  /** The row of that hash, made if there is none. `order_conflict` when it is for something else. */
  create(request: NewEscrow): Promise<EscrowRow>
  /** Its invoice is at the node. */
  opened(paymentHash: Hash, invoice: OpenedInvoice): Promise<EscrowRow>
  /** A payment is held. No money is ours yet. */
  accepted(paymentHash: Hash, held: HeldPayment): Promise<EscrowRow>
  /**
   * Writes the decision down unless there is one, and returns the row with the one that holds. Throws
   * `EscrowError` `not_accepted` for a good verdict on what is not held.
   */
  decided(paymentHash: Hash, decision: EscrowDecision): Promise<EscrowRow>
  /** The node has the money: posts `settledPostings`, once, in the same step. */
  settled(paymentHash: Hash, paidMsat: bigint): Promise<EscrowRow>
  /** The node has given it back, or will never take it. */
  cancelled(paymentHash: Hash, reason: CancelReason): Promise<EscrowRow>
  find(paymentHash: Hash): Promise<EscrowRow | undefined>
  /** Those neither settled nor cancelled, ordered by hash, from after `afterHash`; '' is the beginning. */
  unfinished(afterHash: string, limit: number): Promise<readonly EscrowRow[]>
}

export interface NewEscrow extends EscrowOrder {
  readonly paymentHash: Hash
  readonly createdAt: number
}

export interface HeldPayment {
  readonly paidMsat: bigint
  readonly htlcExpiryHeight: number | undefined
}
