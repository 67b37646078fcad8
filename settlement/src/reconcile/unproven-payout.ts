import type { Finding } from './finding.ts'
import type { AssetLine } from './ledger-facts.ts'

/** Of the event of a payout that is booked as paid. */
const PAYOUT_KEY = /^po:(.+):ok$/

/** What is found where a payout is booked as paid, and no attempt of it has succeeded. */
export function unprovenPayout({ key, amountMsat, owner }: AssetLine): Finding | undefined {
  const [, payout] = PAYOUT_KEY.exec(key) ?? []
  if (payout === undefined) return undefined
  return {
    kind: 'payout_unpaid',
    account: owner ?? 'suspense',
    reference: `po:${payout}`,
    expectedMsat: -amountMsat,
    actualMsat: 0n,
  }
}
