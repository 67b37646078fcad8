import { EscrowError } from './escrow-error.ts'

/**
 * Blocks before the end of a held HTLC at which LND 0.21 gives it back by itself
 * (`invoices.holdexpirydelta`; 0.20 has 12, so that this is early enough for both).
 */
export const HOLD_EXPIRY_DELTA = 18
/** Blocks, about two hours, that a decision has to get to a node that is away or slow. */
export const GUARDIAN_MARGIN = 12

/** The height at which LND cancels, of an HTLC that ends at `htlcExpiryHeight`. */
export const autoCancelHeight = (htlcExpiryHeight: number): number =>
  heightOf(htlcExpiryHeight) - HOLD_EXPIRY_DELTA

/** The height at which the decision is forced, lest LND's silence decides. Throws `bad_height`. */
export const guardianHeight = (htlcExpiryHeight: number): number =>
  autoCancelHeight(htlcExpiryHeight) - GUARDIAN_MARGIN

/** Whether nobody may wait for a verdict any longer at `blockHeight`. */
export const mustDecide = (blockHeight: number, htlcExpiryHeight: number): boolean =>
  heightOf(blockHeight) >= guardianHeight(htlcExpiryHeight)

/** Blocks that a job has at least when its invoice asks for `cltvExpiry`; below 1 it is of no use. */
export const usableBlocks = (cltvExpiry: number): number =>
  heightOf(cltvExpiry) - HOLD_EXPIRY_DELTA - GUARDIAN_MARGIN

function heightOf(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new EscrowError('bad_height', `${value} is not a number of blocks`)
  return value
}
