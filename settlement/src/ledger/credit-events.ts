import type { AccountCode, BundleCode, ClientCode } from './account-code.ts'
import { positive, posting, PostingError, type Posting } from './posting.ts'

/**
 * An invoice of ours was paid, for a client's balance or for a bundle; all of what arrived counts,
 * whatever the invoice asked for.
 */
export const topUpSettled = (paid: {
  readonly paymentHash: string
  readonly to: ClientCode | BundleCode
  readonly amount: bigint
}): Posting =>
  posting(`inv:${paid.paymentHash}`, 'topup', [
    ['asset:ln', -positive(paid.amount, 'a top-up')],
    [paid.to, paid.amount],
  ])

/** The operator gives an account credit, pays back on its own account, or books what it was paid outside of Lightning. */
export const creditGranted = (grant: {
  readonly accountId: string
  readonly reference: string
  readonly amount: bigint
}): Posting =>
  posting(`grant:${grant.accountId}:${grant.reference}`, 'grant', [
    ['equity:operator', -positive(grant.amount, 'a grant')],
    [`client:${grant.accountId}`, grant.amount],
  ])

/**
 * Reconciliation found what nobody can explain: `amount` (either sign, not zero) goes to suspense
 * from `from`, until somebody can.
 */
export function suspended(found: {
  readonly reference: string
  readonly from: Exclude<AccountCode, 'suspense'>
  readonly amount: bigint
}): Posting {
  if (found.amount === 0n) throw new PostingError('bad_amount', 'nothing to explain')
  return posting(`sus:${found.reference}`, 'suspense', [
    [found.from, -found.amount],
    ['suspense', found.amount],
  ])
}
