import type { LightningBackend, PaymentRecord } from '../lightning/lightning-backend.ts'

/** A payment that has not succeeded may do so between two looks. */
export async function paymentNow(
  node: Pick<LightningBackend, 'listPayments'>,
  payment: PaymentRecord,
  signal: AbortSignal,
): Promise<PaymentRecord> {
  if (payment.outcome.status === 'succeeded') return payment
  // The first one, unless it was tried again: that moves it to a later index.
  for await (const now of node.listPayments(payment.index - 1n, signal))
    if (now.paymentHash === payment.paymentHash) return now
  return payment
}
