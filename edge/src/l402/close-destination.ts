import type { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { Bolt11Error } from '@infernet/settlement/bolt11/bolt11-error'
import { decodeInvoice } from '@infernet/settlement/bolt11/decode-invoice'
import { MAX_INVOICE_LENGTH, type DecodedInvoice } from '@infernet/settlement/bolt11/invoice'
import type { PayoutDestination } from '@infernet/settlement/payout/payout-store'
import { z } from 'zod'
import type { SettlerNode } from '../billing/billing-port.ts'

/** LUD-16, with what mail servers take for a domain. */
const ADDRESS = /^[a-z0-9._+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}$/
/** Left on an invoice: the settler refuses one with less, after the money has been taken. */
const LEAST_SECONDS_LEFT = 900

export const closeSchema = z.union(
  [
    z.strictObject({ invoice: z.string().max(MAX_INVOICE_LENGTH) }),
    z.strictObject({ lightning_address: z.string().toLowerCase().regex(ADDRESS) }),
  ],
  "send either 'invoice' (BOLT 11) or 'lightning_address' (name@domain)",
)

/** Where the rest of a bundle is to go, and how much of it if that is said. */
export interface CloseDestination {
  readonly destination: PayoutDestination
  /** Undefined: as much as can be sent. */
  readonly amountMsat: bigint | undefined
}

/** Throws ApiError 400 for an invoice that the settler could not pay; `now` in Unix seconds. */
export function closeDestination(
  wanted: z.infer<typeof closeSchema>,
  node: SettlerNode,
  now: number,
): CloseDestination {
  if ('lightning_address' in wanted) {
    return { destination: { kind: 'ask', whom: wanted.lightning_address }, amountMsat: undefined }
  }
  const bolt11 = wanted.invoice.trim().toLowerCase()
  const { network, amountMsat, expiresAt, payee } = readable(bolt11)
  if (network !== node.network) throw badInvoice(`It is for ${network}, not ${node.network}.`)
  if (amountMsat === undefined) throw badInvoice('It must name its amount.')
  if (payee === node.pubkey) throw badInvoice('It is one of our own.')
  if (expiresAt - now < LEAST_SECONDS_LEFT)
    throw badInvoice(`It must be valid for ${LEAST_SECONDS_LEFT} s or more.`)
  return { destination: { kind: 'bolt11', bolt11 }, amountMsat }
}

function readable(bolt11: string): DecodedInvoice {
  try {
    return decodeInvoice(bolt11)
  } catch (error) {
    if (error instanceof Bolt11Error) throw badInvoice(`${error.message}.`)
    throw error
  }
}

const badInvoice = (why: string): ApiError =>
  apiErrors.invalidRequest(`The invoice cannot be paid. ${why}`, 'invoice', 'invalid_invoice')
