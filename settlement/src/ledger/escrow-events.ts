import type { ClientCode } from './account-code.ts'
import { earnings, type PaidLeg } from './job-events.ts'
import { positive, posting, type Posting } from './posting.ts'

/** A hold invoice that pays for one job of a fixed price. While it is only held, no money is ours. */
export interface Escrow {
  readonly paymentHash: string
  readonly job: string
  readonly amount: bigint
}

/** The verdict was good and the invoice is settled. */
export const escrowSettled = (escrow: Escrow): Posting =>
  posting(`esc:${escrow.paymentHash}`, 'escrow', [
    ['asset:ln', -positive(escrow.amount, 'an escrow')],
    [`escrow:${escrow.job}`, escrow.amount],
  ])

/**
 * Its providers get their parts, payable at once since they have been judged. Throws PostingError
 * `unbalanced` when the parts are not the whole.
 */
export const escrowPaid = (escrow: Escrow, legs: readonly PaidLeg[], feeBps: number): Posting =>
  posting(`esc:${escrow.paymentHash}:out`, 'escrow_paid', [
    [`escrow:${escrow.job}`, -escrow.amount],
    ...earnings(legs, feeBps, 'provider'),
  ])

/**
 * What was settled cannot be delivered after all. It has the key of {@link escrowPaid}: an escrow
 * leaves once, this way or that.
 */
export const escrowRefunded = (escrow: Escrow, to: ClientCode): Posting =>
  posting(`esc:${escrow.paymentHash}:out`, 'escrow_refunded', [
    [`escrow:${escrow.job}`, -escrow.amount],
    [to, escrow.amount],
  ])
