// LND's messages in our own words. Every 64-bit number arrives as a string and becomes a bigint.
import type { Invoice as LndInvoice } from '@lightningpolar/lnd-api/dist/types/lnrpc/Invoice.js'
import type { Payment as LndPayment } from '@lightningpolar/lnd-api/dist/types/lnrpc/Payment.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import type {
  Invoice,
  InvoiceState,
  PaymentFailure,
  PaymentOutcome,
  PaymentRecord,
} from '../lightning-backend.ts'

const INVOICE_STATE: Readonly<Record<LndInvoice['state'], InvoiceState>> = {
  OPEN: 'open',
  ACCEPTED: 'accepted',
  SETTLED: 'settled',
  CANCELED: 'canceled',
}

const FAILURE: Readonly<Record<LndPayment['failureReason'], PaymentFailure>> = {
  FAILURE_REASON_NONE: 'error',
  FAILURE_REASON_TIMEOUT: 'timeout',
  FAILURE_REASON_NO_ROUTE: 'no_route',
  FAILURE_REASON_ERROR: 'error',
  FAILURE_REASON_INCORRECT_PAYMENT_DETAILS: 'incorrect_payment_details',
  FAILURE_REASON_INSUFFICIENT_BALANCE: 'insufficient_balance',
  FAILURE_REASON_CANCELED: 'canceled',
}

const NANOSECONDS = 1_000_000_000n

export function toInvoice(message: LndInvoice): Invoice {
  const state = INVOICE_STATE[message.state]
  const held = message.htlcs.filter((htlc) => htlc.state !== 'CANCELED')
  const received = held.reduce((sum, htlc) => sum + BigInt(htlc.amtMsat), 0n)
  const accepted = held.filter((htlc) => htlc.state === 'ACCEPTED')
  const createdAt = Number(message.creationDate)
  return {
    paymentHash: bytesToHex(message.rHash),
    bolt11: message.paymentRequest,
    state,
    amountMsat: BigInt(message.valueMsat),
    paidMsat: state === 'settled' ? BigInt(message.amtPaidMsat) : received,
    memo: message.memo,
    createdAt,
    expiresAt: createdAt + Number(message.expiry),
    addIndex: BigInt(message.addIndex),
    settleIndex: BigInt(message.settleIndex),
    settledAt: Number(message.settleDate),
    htlcExpiryHeight:
      accepted.length === 0 ? undefined : Math.min(...accepted.map((htlc) => htlc.expiryHeight)),
    keysend: message.isKeysend,
  }
}

/** What LND says of a payment. A success whose proof is none is `unknown`: somebody has to look. */
export function toOutcome(message: LndPayment): PaymentOutcome {
  switch (message.status) {
    case 'SUCCEEDED': {
      const preimage = message.paymentPreimage.toLowerCase()
      if (!proves(preimage, message.paymentHash))
        return { status: 'unknown', reason: 'LND reports success without the right preimage' }
      return {
        status: 'succeeded',
        preimage,
        amountMsat: BigInt(message.valueMsat),
        feeMsat: BigInt(message.feeMsat),
      }
    }
    case 'FAILED':
      return { status: 'failed', reason: FAILURE[message.failureReason] }
    default:
      return { status: 'in_flight' }
  }
}

export function toPaymentRecord(message: LndPayment): PaymentRecord {
  const outcome = toOutcome(message)
  return {
    index: BigInt(message.paymentIndex),
    paymentHash: message.paymentHash.toLowerCase(),
    bolt11: message.paymentRequest,
    amountMsat: BigInt(message.valueMsat),
    feeMsat: BigInt(message.feeMsat),
    createdAt: Number(BigInt(message.creationTimeNs) / NANOSECONDS),
    outcome: outcome.status === 'unknown' ? { status: 'in_flight' } : outcome,
  }
}

export function hashOf(preimage: string): string {
  return bytesToHex(sha256(hexToBytes(preimage)))
}

function proves(preimage: string, paymentHash: string): boolean {
  return /^[0-9a-f]{64}$/.test(preimage) && hashOf(preimage) === paymentHash.toLowerCase()
}
