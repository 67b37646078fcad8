import type { AccountId } from '@infernet/schemas/ids'
import type { PaidToken } from '@infernet/settlement/l402/credential'
import { forgetOldest } from '@infernet/settlement/forget-oldest'
import { applyTransfers, type TransferRim } from '../billing/apply-transfers.ts'
import type { BillingStore, SettlerPort } from '../billing/billing-port.ts'
import {
  CREDIT_RETRY_AFTER_MS,
  CREDIT_WAIT_MS,
  CREDIT_POLL_MS,
  MAX_CACHED_BUNDLES,
} from '../limits.ts'
import type { AccountPort, StorePort } from '../ports.ts'
import { notCreditedYet } from './l402-errors.ts'

export interface FundsRim {
  readonly accounts: Pick<AccountPort, 'balance'> & TransferRim['accounts']
  readonly billing: Pick<BillingStore, 'withdrawalsOf'> & TransferRim['billing']
  readonly store: Pick<StorePort, 'credits'>
  readonly settler: SettlerPort
  /** A bundle is used for the first time here: its invoice is paid. */
  readonly onPaid: (paymentHash: string) => void
}

/**
 * Sees to it that what was paid for a bundle is on its live balance before the bundle is used: whoever
 * has the preimage has paid, but the settler may be on its way with the news.
 */
export class BundleFunds {
  readonly #rim: FundsRim
  /** Bundles that were credited, by payment hash; insertion order is age. */
  readonly #credited = new Set<string>()

  constructor(rim: FundsRim) {
    this.#rim = rim
  }

  /**
   * Resolves once the bundle has been credited, however little may be left of it. Throws ApiError 503
   * when that is still to come after some seconds.
   */
  async credited(accountId: AccountId, { paymentHash }: PaidToken): Promise<void> {
    if (this.#credited.has(paymentHash)) return
    for (let waited = 0; ; waited += CREDIT_POLL_MS) {
      if (await this.#isCredited(accountId, paymentHash)) return this.#remember(paymentHash)
      if (waited === 0) await this.#rim.settler.wake()
      if (waited >= CREDIT_WAIT_MS) throw notCreditedYet(CREDIT_RETRY_AFTER_MS)
      await new Promise((resolve) => setTimeout(resolve, CREDIT_POLL_MS))
    }
  }

  async #isCredited(accountId: AccountId, paymentHash: string): Promise<boolean> {
    const { accounts, billing, store } = this.#rim
    if (await this.#hasAny(accountId)) return true
    await applyTransfers({ accounts, billing }, [`inv:${paymentHash}`])
    if (await this.#hasAny(accountId)) return true
    // All of it may be spent, or taken out again.
    const { totalMsat, usedMsat } = await store.credits(accountId)
    return totalMsat + usedMsat > 0 || (await billing.withdrawalsOf(accountId, 1)).length > 0
  }

  async #hasAny(accountId: AccountId): Promise<boolean> {
    const { availableMsat, openHolds } = await this.#rim.accounts.balance(accountId)
    return availableMsat > 0 || openHolds > 0
  }

  #remember(paymentHash: string): void {
    this.#rim.onPaid(paymentHash)
    this.#credited.add(paymentHash)
    forgetOldest(this.#credited, MAX_CACHED_BUNDLES)
  }
}
