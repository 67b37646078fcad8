import { isPeerId, type PeerId } from '@infernet/schemas/peer-id'
import type { SettlerAsk } from '@infernet/schemas/settler-wire'
import type { GuardedFetchPorts } from '../lnurl/guarded-fetch.ts'
import { requestInvoice } from '../lnurl/request-invoice.ts'
import type { NodeInfo } from '../lightning/lightning-backend.ts'
import type { InvoiceWanted, PayoutEngineOptions } from '../payout/payout-engine.ts'
import type { EdgeAnswer } from './ask-book.ts'
import { EdgeLinkError } from './edge-link-error.ts'

export interface InvoiceSourceParts {
  readonly edge: { ask(ask: SettlerAsk, signal?: AbortSignal): Promise<EdgeAnswer> }
  readonly network: NodeInfo['network']
  /** Unix ms. */
  readonly now: () => number
  /** The outside, for Lightning addresses. */
  readonly ports: GuardedFetchPorts
}

/**
 * Where the payout engine gets invoices: from an agent, by its peer id, through the edge; else from a
 * Lightning address or LNURL. Throws `EdgeLinkError` or `LnurlError`. The engine checks the invoice.
 */
export const invoiceSource =
  ({ edge, network, now, ports }: InvoiceSourceParts): PayoutEngineOptions['requestInvoice'] =>
  async (wanted, signal) => {
    const { whom: destination, amountMsat } = wanted
    if (isPeerId(destination)) return await agentInvoice(edge, destination, wanted, signal)
    const request = { destination, amountMsat, network, now: Math.floor(now() / 1000), signal }
    return (await requestInvoice(request, ports)).bolt11
  }

async function agentInvoice(
  edge: InvoiceSourceParts['edge'],
  peer: PeerId,
  { payout, attempt, amountMsat }: InvoiceWanted,
  signal: AbortSignal,
): Promise<string> {
  const amount = String(amountMsat)
  const ask = { kind: 'invoice', peer, payout, attempt, amount_msat: amount } as const
  const { bolt11 } = await edge.ask(ask, signal)
  if (bolt11 === undefined)
    throw new EdgeLinkError('refused', 'The edge answered without an invoice', 'no_invoice')
  return bolt11
}
