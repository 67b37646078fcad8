import type { PaymentOrder } from '../lightning/lightning-backend.ts'

/** An order to pay an invoice as tests give it: in one part, within LND's own limit of blocks. */
export const invoicePayment = (bolt11: string, feeLimitMsat = 0n): PaymentOrder => ({
  to: { kind: 'bolt11', bolt11 },
  feeLimitMsat,
  timeoutSeconds: 20,
  cltvLimit: 1008,
  maxParts: 1,
})
