import type { Payout, PayoutStore } from '../payout/payout-store.ts'
import type { Observers } from './observed-invoices.ts'
import { isLeaseLost } from './payout-runner.ts'
import { LeaseError } from './settler-lease.ts'

/**
 * A store of payouts that tells what it has written, and calls `lost` when it is a newer settler's by now:
 * the engine would ask it again for ever.
 */
export function observedPayouts(
  store: PayoutStore,
  { log, metrics, ring }: Observers,
  lost: (error: LeaseError) => void,
): PayoutStore {
  const guarded = async <T>(writing: Promise<T>): Promise<T> => {
    try {
      return await writing
    } catch (error) {
      if (isLeaseLost(error)) lost(new LeaseError('A newer settler has taken over the payouts'))
      throw error
    }
  }
  // Those under way; the engine reads each before it does anything.
  const underWay = new Map<string, object>()
  const seen = (payout: Payout): Payout => {
    const { id, owner, amountMsat, state } = payout
    if (state !== 'open' && state !== 'paying') return payout
    metrics.payoutSeen(id)
    underWay.set(id, { owner, amount_msat: amountMsat })
    return payout
  }
  const ended = (payout: string, outcome: 'succeeded' | 'failed', fields: object): void => {
    metrics.payoutEnded(payout, outcome)
    log(`payout_${outcome}`, { payout, ...underWay.get(payout), ...fields })
    underWay.delete(payout)
    ring()
  }
  return {
    read: async (payout) => seen(await store.read(payout)),
    unfinished: (after, limit) => store.unfinished(after, limit),
    async open(draft) {
      const payout = seen(await guarded(store.open(draft)))
      const { id, owner, amountMsat } = draft
      log('payout_started', { payout: id, owner, amount_msat: amountMsat })
      return payout
    },
    async recordAttempt(draft) {
      const attempt = await guarded(store.recordAttempt(draft))
      const { payout, number, paymentHash } = attempt
      log('payout_attempt', { payout, attempt: number, payment_hash: paymentHash })
      return attempt
    },
    async attemptFailed(payout, number, failure) {
      await guarded(store.attemptFailed(payout, number, failure))
      log('payout_attempt_failed', { payout, attempt: number, failure })
    },
    async succeed(payout, number, proof) {
      await guarded(store.succeed(payout, number, proof))
      ended(payout, 'succeeded', { preimage: proof.preimage, fee_msat: proof.feeMsat })
    },
    async giveUp(payout, failure) {
      await guarded(store.giveUp(payout, failure))
      ended(payout, 'failed', { failure })
    },
  }
}
