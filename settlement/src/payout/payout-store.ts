import type { PayoutState } from '@infernet/schemas/payout-state'
import type { BundleCode, ClientCode, ProviderCode } from '../ledger/account-code.ts'
import type { PayoutAttempt } from '../ledger/payout-events.ts'
import type { Hash, NodeKey, PaymentFailure, Preimage } from '../lightning/lightning-backend.ts'
import type { DestinationErrorCode } from './destination-guard.ts'
import type { AttemptState } from './payout-state.ts'

/** Where money is to go. `payee` is the node that it must arrive at, if that is known. */
export type PayoutDestination =
  /** One invoice, and no other. */
  | { readonly kind: 'bolt11'; readonly bolt11: string; readonly payee?: NodeKey }
  /** Who is asked for an invoice for each attempt: a Lightning address, or an agent by its peer id. */
  | { readonly kind: 'ask'; readonly whom: string; readonly payee?: NodeKey }
  | { readonly kind: 'keysend'; readonly pubkey: NodeKey }

/** Amounts are msat. */
export interface PayoutDraft {
  /** Chosen by the caller: the same one again is the same payout. */
  readonly id: string
  /** Whose money it is; has one payout under way at a time. */
  readonly owner: ProviderCode | ClientCode | BundleCode
  /** What is to arrive. */
  readonly amountMsat: bigint
  /** The most that its owner pays for routing; 0 where we do. */
  readonly feeReserveMsat: bigint
  /** The most that may be spent on routing. */
  readonly feeLimitMsat: bigint
  readonly destination: PayoutDestination
}

export interface Payout extends PayoutDraft {
  readonly state: PayoutState
  /** In order; only the last one can be unresolved. */
  readonly attempts: readonly Attempt[]
  /** Once it has failed. */
  readonly failure?: PayoutFailure
}

export type PayoutFailure =
  | PaymentFailure
  | DestinationErrorCode
  /** The invoice has been used before. */
  | 'hash_used'
  /** Whoever was asked for an invoice gave none. */
  | 'no_invoice'

export interface AttemptDraft {
  readonly payout: string
  /** From 1. */
  readonly number: number
  readonly paymentHash: Hash
  readonly to:
    | { readonly kind: 'bolt11'; readonly bolt11: string }
    | { readonly kind: 'keysend'; readonly pubkey: NodeKey }
}

export interface Attempt extends AttemptDraft {
  readonly state: AttemptState
  /** Once it has succeeded. */
  readonly proof?: PaymentProof
  /** Once it has failed. */
  readonly failure?: PaymentFailure
}

export interface PaymentProof {
  /** Hashes to the attempt's payment hash. */
  readonly preimage: Preimage
  /** What routing has cost, msat. */
  readonly feeMsat: bigint
}

/**
 * The durable rows of payouts. Each method is one transaction, its posting included, done entirely or not
 * at all, and may be called again when nobody knows whether it was done. Throws `PayoutStateError` for
 * an illegal move, and anything else when the store cannot be reached.
 */
export interface PayoutStore {
  /**
   * Takes the money from its owner and opens a payout; what there is already under that id otherwise.
   * Throws {@link PayoutStoreError} `payee_busy`, `conflict`, `lease_lost`, and `PostingError` `uncovered`.
   */
  open(draft: PayoutDraft): Promise<Payout>
  /** Throws {@link PayoutStoreError} `not_found`. */
  read(payout: string): Promise<Payout>
  /**
   * Writes down what is about to be sent, before it is. Returns the attempt with that number: the one
   * that was there already, if there was one, and the caller goes on with that.
   * Throws {@link PayoutStoreError} `hash_used` when any attempt ever had that hash, and `lease_lost`.
   */
  recordAttempt(draft: AttemptDraft): Promise<Attempt>
  /** The node said that this attempt failed for good; its payout is open again. */
  attemptFailed(payout: string, number: number, failure: PaymentFailure): Promise<void>
  /** It has arrived: posts what it cost. */
  succeed(payout: string, number: number, proof: PaymentProof): Promise<void>
  /** Gives the money back to its owner; legal only while no attempt is unresolved. */
  giveUp(payout: string, failure: PayoutFailure): Promise<void>
  /** Ids of payouts that are open or paying, above `after`, ascending. */
  unfinished(after: string, limit: number): Promise<readonly string[]>
}

export type PayoutStoreErrorCode =
  | 'payee_busy'
  | 'conflict'
  | 'not_found'
  | 'hash_used'
  /** Another settler acts now; this one must stop. */
  | 'lease_lost'

export class PayoutStoreError extends Error {
  override readonly name = 'PayoutStoreError'
  readonly code: PayoutStoreErrorCode

  constructor(code: PayoutStoreErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * A payout as the journal knows it. All its attempts are one to the journal: the money stays in flight
 * from the first to the last, and comes back or arrives once.
 */
export const journalOf = (payout: PayoutDraft): PayoutAttempt => ({
  attempt: payout.id,
  owner: payout.owner,
  amount: payout.amountMsat,
  feeReserve: payout.feeReserveMsat,
})

/** Throws {@link PayoutStoreError} `not_found`. */
export function attemptOf(payout: Payout, number: number): Attempt {
  const attempt = payout.attempts[number - 1]
  if (attempt === undefined)
    throw new PayoutStoreError('not_found', `${payout.id} has no attempt ${number}`)
  return attempt
}
