import type { InvoicePartial } from '@lightningpolar/lnd-api/dist/types/lnrpc/Invoice.js'
import type { PaymentPartial } from '@lightningpolar/lnd-api/dist/types/lnrpc/Payment.js'
import type { PaymentFailureReasonPartial } from '@lightningpolar/lnd-api/dist/types/lnrpc/PaymentFailureReason.js'
import type { SimInvoice, SimPayment } from './sim-state.ts'

/** LND's answer where there is no preimage yet. */
const NO_PREIMAGE = '00'.repeat(32)
const HTLC_STATE = {
  ACCEPTED: 'ACCEPTED',
  SETTLED: 'SETTLED',
  CANCELED: 'CANCELED',
  OPEN: 'ACCEPTED',
} as const

export function invoiceMessage(invoice: SimInvoice): InvoicePartial {
  const { htlc, state } = invoice
  return {
    memo: invoice.memo,
    rPreimage: Buffer.from(invoice.preimage, 'hex'),
    rHash: Buffer.from(invoice.paymentHash, 'hex'),
    value: String(invoice.amountMsat / 1000n),
    valueMsat: String(invoice.amountMsat),
    settled: state === 'SETTLED',
    state,
    creationDate: String(invoice.createdAt),
    settleDate: String(invoice.settledAt),
    paymentRequest: invoice.bolt11,
    expiry: String(invoice.expirySeconds),
    cltvExpiry: String(invoice.cltvExpiry),
    addIndex: String(invoice.addIndex),
    settleIndex: String(invoice.settleIndex),
    amtPaidSat: String(invoice.paidMsat / 1000n),
    amtPaidMsat: String(invoice.paidMsat),
    paymentAddr: Buffer.from(invoice.paymentSecret, 'hex'),
    isKeysend: invoice.keysend,
    htlcs:
      htlc === null
        ? []
        : [
            {
              amtMsat: String(htlc.amountMsat),
              acceptHeight: htlc.acceptHeight,
              expiryHeight: htlc.expiryHeight,
              state: HTLC_STATE[state],
            },
          ],
  }
}

export function paymentMessage(payment: SimPayment): PaymentPartial {
  return {
    paymentHash: payment.paymentHash,
    paymentPreimage: payment.status === 'SUCCEEDED' ? payment.preimage : NO_PREIMAGE,
    paymentRequest: payment.bolt11,
    valueSat: String(payment.amountMsat / 1000n),
    valueMsat: String(payment.amountMsat),
    feeSat: String(payment.feeMsat / 1000n),
    feeMsat: String(payment.feeMsat),
    status: payment.status,
    failureReason: payment.failureReason as PaymentFailureReasonPartial,
    creationTimeNs: String(BigInt(Math.floor(payment.createdAt)) * 1_000_000_000n),
    paymentIndex: String(payment.index),
  }
}
