import type { LightningBackend } from '../lightning/lightning-backend.ts'

/**
 * A backend that pays only while the lease is held at that very instant; otherwise nothing is sent and the
 * outcome is `unknown`, which gives no money back. What passes the check and is then delayed is still one
 * payment: the next settler finds its hash written down, and a node pays a hash once.
 */
export const leasedBackend = (
  backend: Pick<LightningBackend, 'pay' | 'track'>,
  lease: { held(): boolean },
): Pick<LightningBackend, 'pay' | 'track'> => ({
  pay: async (order, signal) =>
    lease.held()
      ? await backend.pay(order, signal)
      : { status: 'unknown', reason: 'This settler does not hold the lease' },
  track: (paymentHash, options) => backend.track(paymentHash, options),
})
