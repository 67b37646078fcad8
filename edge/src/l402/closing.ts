import { feeLimit } from '@infernet/settlement/payout/payout-policy'

const SAT = 1000n

/** What a bundle's rest is split into, msat: what is to arrive, and what is set aside for routing it. */
export interface Closing {
  readonly amountMsat: bigint
  readonly feeReserveMsat: bigint
}

/**
 * The most of `restMsat` that can be sent, in whole satoshi, because many wallets and Lightning addresses
 * take no fraction of one; all else is set aside for routing, so that nothing stays behind to be spent.
 * Undefined below 2 sat: one to send, and one for routing it.
 */
export function closingOf(restMsat: bigint): Closing | undefined {
  const most = restMsat - feeLimit(restMsat)
  const amountMsat = most - (most % SAT)
  return amountMsat < SAT ? undefined : { amountMsat, feeReserveMsat: restMsat - amountMsat }
}
