import type { AccountId } from '@infernet/schemas/ids'
import type { PayoutDestination } from '@infernet/settlement/payout/payout-store'
import type { PayoutState } from '@infernet/schemas/payout-state'
import type { TopUpState } from '@infernet/settlement/intake/top-up-state'
import type { TransferOutcome } from '../ports.ts'

/**
 * The money rows of Postgres as the edge uses them: it orders, the settler executes. Amounts are `bigint`
 * msat. A live account is a client's (`acct_…`) or a bundle's (`l402_<payment hash>`).
 */
export interface BillingStore {
  /** Orders an invoice, once per id; the settler makes it. */
  orderTopUp(order: TopUpRequest): Promise<void>
  findTopUp(id: string): Promise<StoredTopUp | undefined>
  /** The latest first. */
  topUpsOf(accountId: AccountId, limit: number): Promise<readonly StoredTopUp[]>
  /** Orders a payment to the account's owner, once per id, and the transfer that takes it, in one statement. */
  orderWithdrawal(order: WithdrawalRequest): Promise<void>
  /** Undefined for another account's. */
  findWithdrawal(accountId: AccountId, id: string): Promise<StoredWithdrawal | undefined>
  withdrawalsOf(accountId: AccountId, limit: number): Promise<readonly StoredWithdrawal[]>
  /** Of these references, those whose live account has not been told. */
  pendingTransfers(references: readonly string[]): Promise<readonly PendingTransfer[]>
  /** What the live account said. The first outcome holds. */
  transferEnded(reference: string, outcome: TransferOutcome): Promise<void>
  /** The node behind the settler that is running now; undefined when none is. */
  node(): Promise<SettlerNode | undefined>
}

export interface TopUpRequest {
  /** `top_…` */
  readonly id: string
  /** Undefined for a bundle, which is known by its payment hash. */
  readonly accountId: AccountId | undefined
  readonly amountMsat: bigint
  readonly memo: string
  readonly expirySeconds: number
  /** Unix seconds. */
  readonly createdAt: number
}

export interface StoredTopUp extends TopUpRequest {
  readonly state: TopUpState
  /** Undefined until the settler has made the invoice. */
  readonly paymentHash: string | undefined
  readonly bolt11: string | undefined
  /** Unix seconds. */
  readonly expiresAt: number | undefined
  /** What has arrived; 0 until it is settled. */
  readonly paidMsat: bigint
  /** Whether the live balance has it. */
  readonly credited: boolean
}

export interface WithdrawalRequest {
  /** `wd_…` */
  readonly id: string
  readonly accountId: AccountId
  readonly amountMsat: bigint
  /** Taken with it; what routing leaves of it comes back. */
  readonly feeReserveMsat: bigint
  readonly destination: PayoutDestination
}

export interface StoredWithdrawal extends WithdrawalRequest {
  /** Of the transfer that takes the money from the live balance. */
  readonly funding: 'pending' | TransferOutcome
  /** Undefined until the settler has begun to pay. */
  readonly payout: PayoutState | undefined
  readonly failure: string | undefined
  /** Proof of payment, and what routing cost; once it has succeeded. */
  readonly preimage: string | undefined
  readonly feeMsat: bigint | undefined
  /** ms since the epoch. */
  readonly createdAt: number
}

export interface PendingTransfer {
  readonly reference: string
  readonly accountId: AccountId
  /** Below zero takes. */
  readonly amountMsat: bigint
}

export interface SettlerNode {
  readonly pubkey: string
  readonly network: string
  /** Nothing of this is real money; every output that names it says SIMULATED. */
  readonly simulated: boolean
}

/** Who is told that there are new rows. A settler that is away finds them when it comes back. */
export interface SettlerPort {
  wake(): void | Promise<void>
}
