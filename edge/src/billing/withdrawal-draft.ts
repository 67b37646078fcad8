import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { withdrawalRequestSchema } from '@infernet/openai-compat/openapi/billing-schemas'
import { Bolt11Error } from '@infernet/settlement/bolt11/bolt11-error'
import { decodeInvoice } from '@infernet/settlement/bolt11/decode-invoice'
import { NETWORK_PREFIX, type Bolt11Network } from '@infernet/settlement/bolt11/invoice'
import { LnurlError } from '@infernet/settlement/lnurl/lnurl-error'
import { payUrl } from '@infernet/settlement/lnurl/pay-url'
import { checkInvoice, DestinationError } from '@infernet/settlement/payout/destination-guard'
import type { PayoutDestination } from '@infernet/settlement/payout/payout-store'
import type { z } from 'zod'
import type { SettlerNode } from './billing-port.ts'
import { amountOf, requiredAmount } from './order-body.ts'
import { settlerAway } from './billing-errors.ts'

type WithdrawalBody = z.infer<typeof withdrawalRequestSchema>

/** What is to be paid, and where to. The same body is always the same draft. */
export interface WithdrawalDraft {
  readonly amountMsat: bigint
  readonly destination: PayoutDestination
}

/** Throws ApiError 400 for a body that names no amount, or not one destination. */
export function withdrawalDraft(body: WithdrawalBody): WithdrawalDraft {
  const { invoice, lightning_address: address } = body
  if ((invoice === undefined) === (address === undefined)) {
    throw apiErrors.invalidRequest(
      "Give 'invoice' or 'lightning_address', one of the two.",
      'invoice',
    )
  }
  if (invoice !== undefined) return invoiceDraft(body, invoice.trim())
  const whom = checkedAddress(address?.trim().toLowerCase() ?? '')
  return { amountMsat: requiredAmount(body), destination: { kind: 'ask', whom } }
}

function invoiceDraft(body: WithdrawalBody, bolt11: string): WithdrawalDraft {
  const asked = amountOf(body)
  const { amountMsat } = decoded(bolt11)
  if (amountMsat === undefined) {
    throw badInvoice('it names no amount; make one for the amount that you want')
  }
  if (asked !== undefined && asked !== amountMsat) {
    throw badInvoice(`it is for ${amountMsat} msat, not ${asked}`)
  }
  return { amountMsat, destination: { kind: 'bolt11', bolt11 } }
}

/** Whether two destinations are one: invoices are the same in either case. */
export const isSameDestination = (one: PayoutDestination, other: PayoutDestination): boolean =>
  one.kind === other.kind && whereTo(one) === whereTo(other)

function whereTo(destination: PayoutDestination): string {
  switch (destination.kind) {
    case 'bolt11':
      return destination.bolt11.toLowerCase()
    case 'ask':
      return destination.whom
    case 'keysend':
      return destination.pubkey
  }
}

/** Checks an invoice for this node to pay at `now` (Unix seconds). Throws ApiError 400, or 503 for a network nobody knows. */
export function checkPayable(draft: WithdrawalDraft, node: SettlerNode, now: number): void {
  const { amountMsat, destination } = draft
  if (destination.kind !== 'bolt11') return
  if (!isNetwork(node.network)) throw settlerAway()
  const rules = { network: node.network, amountMsat, ourNode: node.pubkey, now }
  try {
    checkInvoice(destination.bolt11, rules)
  } catch (error) {
    if (!(error instanceof DestinationError)) throw error
    throw badInvoice(error.message)
  }
}

const isNetwork = (name: string): name is Bolt11Network => Object.hasOwn(NETWORK_PREFIX, name)

function decoded(bolt11: string) {
  try {
    return decodeInvoice(bolt11)
  } catch (error) {
    if (!(error instanceof Bolt11Error)) throw error
    throw badInvoice(error.message)
  }
}

function checkedAddress(address: string): string {
  try {
    payUrl(address)
    return address
  } catch (error) {
    if (!(error instanceof LnurlError)) throw error
    throw apiErrors.invalidRequest(
      `Invalid 'lightning_address': ${error.message}.`,
      'lightning_address',
      'invalid_value',
    )
  }
}

const badInvoice = (reason: string) =>
  apiErrors.invalidRequest(`Invalid 'invoice': ${reason}.`, 'invoice', 'invalid_invoice')
