import { IntakeError } from '../intake/intake-error.ts'
import { checkOrder } from '../intake/order-limits.ts'
import type { EscrowOrder } from './escrow-store.ts'
import { usableBlocks } from './guardian-deadline.ts'

/** A channel has 483 slots per direction; what is held must leave most of them to payments that pass. */
export const MAX_LIVE_ESCROWS = 100
/** 1,000 sat: what is held takes a slot of a channel for hours. */
export const MIN_ESCROW_MSAT = 1_000_000n
/** About a day, with 19 hours for the job. */
export const DEFAULT_HOLD_BLOCKS = 144
/** A week: few wallets lock their money for longer. */
export const MAX_HOLD_BLOCKS = 1_008
/** An hour; with less there is no job to wait for. */
const MIN_USABLE_BLOCKS = 6

/** Throws `IntakeError` `bad_order`. */
export function checkEscrowOrder(order: EscrowOrder): void {
  checkOrder(order)
  const { amountMsat, cltvExpiry } = order
  if (amountMsat < MIN_ESCROW_MSAT)
    throw new IntakeError('bad_order', `an escrow is at least ${MIN_ESCROW_MSAT} msat`)
  const known = Number.isInteger(cltvExpiry) && cltvExpiry >= 0 && cltvExpiry <= MAX_HOLD_BLOCKS
  if (!known || usableBlocks(cltvExpiry) < MIN_USABLE_BLOCKS)
    throw new IntakeError('bad_order', `${cltvExpiry} blocks are no time to hold a payment`)
}
