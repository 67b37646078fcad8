export const PAYOUT_STATES = ['open', 'paying', 'succeeded', 'failed'] as const
/**
 * `open`: its money is taken and nothing can be under way. `paying`: one attempt has been recorded, and
 * may have been sent. The other two are the end.
 */
export type PayoutState = (typeof PAYOUT_STATES)[number]
