import type { BundleCode, ClientCode } from '../ledger/account-code.ts'
import type { Hash } from '../lightning/lightning-backend.ts'
import type { TopUpState } from './top-up-state.ts'

export interface TopUpOrder {
  /** Unique, of letters, digits, `_` and `-`; the same order again is the same top-up. */
  readonly id: string
  /** Whose credit it is to be. */
  readonly to: ClientCode | BundleCode
  /** What the invoice asks for; more may arrive. */
  readonly amountMsat: bigint
  readonly memo: string
  readonly expirySeconds: number
}

export interface TopUp extends TopUpOrder {
  readonly paymentHash: Hash
  readonly state: TopUpState
  /** Unix seconds. */
  readonly createdAt: number
  /** Both are known once it is open. */
  readonly bolt11: string | undefined
  readonly expiresAt: number | undefined
  /** What has arrived and was credited; 0 until it is settled. */
  readonly paidMsat: bigint
}

export interface SettledInvoice {
  readonly paymentHash: Hash
  readonly paidMsat: bigint
  /** Of the node, above 0. */
  readonly settleIndex: bigint
}

/**
 * The durable rows of top-ups, and how far the node's settled invoices have been read. Each method is one
 * atomic step, and may be asked again after an answer that was lost. Throws `IntakeError`
 * `store_unavailable` when it cannot tell; `unknown_row` and `illegal_move` as said.
 */
export interface InvoiceStore {
  /** The row of that id, made if there is none. `order_conflict` when it is for something else. */
  create(request: NewTopUp): Promise<TopUp>
  /** Its invoice is at the node. Nothing changes when that was known, or when it is settled already. */
  opened(paymentHash: Hash, invoice: OpenedInvoice): Promise<TopUp>
  /**
   * An invoice of the node was paid, ours or not: credits what has arrived (`topUpSettled`), once per
   * payment hash, and moves the settle index, which never goes back, in the same step.
   */
  settled(invoice: SettledInvoice): Promise<'credited' | 'replayed' | 'not_ours'>
  /** Nobody can pay it any more. Nothing changes when it is settled or expired already. */
  expired(paymentHash: Hash): Promise<void>
  find(id: string): Promise<TopUp | undefined>
  /** Those that are `requested` or `open`, ordered by id, from after `afterId`; '' is the beginning. */
  unfinished(afterId: string, limit: number): Promise<readonly TopUp[]>
  /** Of the last settled invoice that was read; 0 before the first. */
  settleIndex(): Promise<bigint>
}

export interface NewTopUp extends TopUpOrder {
  readonly paymentHash: Hash
  readonly createdAt: number
}

export interface OpenedInvoice {
  readonly bolt11: string
  readonly expiresAt: number
}
