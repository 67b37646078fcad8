import type { BundleCode, ClientCode, ProviderCode } from './account-code.ts'
import { notNegative, positive, posting, type Posting } from './posting.ts'

/**
 * One attempt to send money out over Lightning: a provider's earnings, a client's withdrawal, the
 * rest of a bundle. All are the same to the journal.
 */
export interface PayoutAttempt {
  readonly attempt: string
  readonly owner: ProviderCode | ClientCode | BundleCode
  /** What is to arrive, msat. */
  readonly amount: bigint
  /** The most that its owner pays for routing; 0 where we do. */
  readonly feeReserve: bigint
}

/** Before anything is sent, so that it cannot be spent twice. */
export const payoutStarted = (payout: PayoutAttempt): Posting =>
  posting(`po:${payout.attempt}:start`, 'payout_start', [
    [payout.owner, -taken(payout)],
    [`payout_inflight:${payout.attempt}`, taken(payout)],
  ])

/**
 * It arrived, with its preimage as proof. Of the routing fee its owner pays what the reserve covers
 * and gets the rest back; what is above is our expense.
 */
export function payoutSucceeded(payout: PayoutAttempt, routingFee: bigint): Posting {
  const fee = notNegative(routingFee, 'a routing fee')
  const byOwner = fee < payout.feeReserve ? fee : payout.feeReserve
  return posting(`po:${payout.attempt}:ok`, 'payout_ok', [
    [`payout_inflight:${payout.attempt}`, -taken(payout)],
    ['asset:ln', payout.amount + fee],
    [payout.owner, payout.feeReserve - byOwner],
    ['expense:routing', byOwner - fee],
  ])
}

/** The node itself says that it failed for good; anything less is no reason to give money back. */
export const payoutFailed = (payout: PayoutAttempt): Posting =>
  posting(`po:${payout.attempt}:fail`, 'payout_failed', [
    [`payout_inflight:${payout.attempt}`, -taken(payout)],
    [payout.owner, taken(payout)],
  ])

const taken = ({ amount, feeReserve }: PayoutAttempt): bigint =>
  positive(amount, 'a payout') + notNegative(feeReserve, 'a fee reserve')
