import { decodeInvoice } from '../bolt11/decode-invoice.ts'
import type { AddedInvoice } from '../lightning/lightning-backend.ts'
import { IntakeError } from './intake-error.ts'
import type { OpenedInvoice } from './invoice-store.ts'

/**
 * What the node's invoice says itself, so that after a crash its date is the invoice's and not the time of
 * asking again. Throws {@link IntakeError} `wrong_invoice` when it is not the one that was asked for.
 */
export function openInvoice(
  added: AddedInvoice,
  asked: { readonly paymentHash: string; readonly amountMsat: bigint },
): OpenedInvoice {
  const invoice = decodeInvoice(added.bolt11)
  if (invoice.paymentHash !== asked.paymentHash || invoice.amountMsat !== asked.amountMsat)
    throw new IntakeError(
      'wrong_invoice',
      'the node has made another invoice than it was asked for',
    )
  return { bolt11: added.bolt11, expiresAt: invoice.expiresAt }
}
