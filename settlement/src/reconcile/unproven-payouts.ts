import type { Finding } from './finding.ts'
import type { AssetLine } from './ledger-facts.ts'

/** A payout that is booked as paid. */
const PAYOUT_KEY = /^po:(.+):ok$/

/** Payouts that are booked as paid, and no attempt of them has succeeded. */
export class UnprovenPayouts {
  readonly #left = new Map<string, { readonly account: string; readonly msat: bigint }>()

  take({ key, amountMsat, owner }: AssetLine): void {
    const [, payout] = PAYOUT_KEY.exec(key) ?? []
    if (payout === undefined) return
    const before = this.#left.get(payout)
    const account = owner ?? before?.account ?? 'suspense'
    this.#left.set(payout, { account, msat: (before?.msat ?? 0n) + amountMsat })
  }

  findings(): Finding[] {
    return [...this.#left]
      .filter(([, { msat }]) => msat !== 0n)
      .map(([payout, { account, msat }]) => ({
        kind: 'payout_unpaid',
        account,
        reference: `po:${payout}`,
        expectedMsat: -msat,
        actualMsat: 0n,
      }))
  }
}
