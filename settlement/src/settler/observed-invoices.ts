import type { InvoiceStore } from '../intake/invoice-store.ts'
import type { AtStep } from './crash-at.ts'
import type { SettlerLog } from './settler-log.ts'
import type { SettlerMetrics } from './settler-metrics.ts'

/** Who watches what is written down of money. */
export interface Observers {
  readonly log: SettlerLog
  readonly metrics: SettlerMetrics
  readonly at: AtStep
  /** Something was written that other loops may have work with. */
  readonly ring: () => void
}

/**
 * A store of top-ups that tells what it has written. The node reports payments of escrows as well, which
 * `isEscrow` knows by their hashes.
 */
export const observedInvoices = (
  store: InvoiceStore,
  observers: Observers,
  isEscrow: (paymentHash: string) => Promise<boolean>,
): InvoiceStore => ({
  create: (request) => store.create(request),
  find: (id) => store.find(id),
  unfinished: (afterId, limit) => store.unfinished(afterId, limit),
  settleIndex: () => store.settleIndex(),
  async opened(paymentHash, invoice) {
    const topUp = await store.opened(paymentHash, invoice)
    const { id, to, amountMsat } = topUp
    observers.log('topup_open', { id, to, amount_msat: amountMsat, payment_hash: paymentHash })
    return topUp
  },
  async settled(invoice) {
    const { log, metrics, at, ring } = observers
    at('credit:before')
    const outcome = await store.settled(invoice)
    at('credit:after')
    const fields = { payment_hash: invoice.paymentHash, amount_msat: invoice.paidMsat }
    if (outcome === 'not_ours' && !(await isEscrow(invoice.paymentHash)))
      log('payment_not_ours', fields)
    if (outcome === 'credited') {
      metrics.credited(invoice.paidMsat)
      log('topup_credited', { ...fields, settle_index: invoice.settleIndex })
      ring()
    }
    return outcome
  },
  async expired(paymentHash) {
    await store.expired(paymentHash)
    observers.log('topup_expired', { payment_hash: paymentHash })
  },
})
