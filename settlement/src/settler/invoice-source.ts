import { isPeerId, type PeerId } from '@infernet/schemas/peer-id'
import type { SettlerAsk } from '@infernet/schemas/settler-wire'
import type { GuardedFetchPorts } from '../lnurl/guarded-fetch.ts'
import { requestInvoice } from '../lnurl/request-invoice.ts'
import type { NodeInfo } from '../lightning/lightning-backend.ts'
import type { InvoiceWanted, PayoutEngineOptions } from '../payout/payout-engine.ts'
import type { EdgeAnswer } from './ask-book.ts'
import { EdgeLinkError } from './edge-link-error.ts'

/** Between two tries to reach an agent. */
const RETRY_MS = 500
/** An agent that has lost its edge is back within some seconds; one that is switched off is not waited for. */
const AGENT_WAIT_MS = 5_000

export interface InvoiceSourceParts {
  readonly edge: { ask(ask: SettlerAsk, signal?: AbortSignal): Promise<EdgeAnswer> }
  readonly network: NodeInfo['network']
  /** Unix ms. */
  readonly now: () => number
  /** Returns after `ms`, or as soon as `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** The outside, for Lightning addresses. */
  readonly ports: GuardedFetchPorts
}

/**
 * Where the payout engine gets invoices: from an agent, by its peer id, through the edge; else from a
 * Lightning address or LNURL. Throws `EdgeLinkError` or `LnurlError`. The engine checks the invoice.
 */
export const invoiceSource =
  (parts: InvoiceSourceParts): PayoutEngineOptions['requestInvoice'] =>
  async (wanted, signal) => {
    const { network, now, ports } = parts
    const { whom: destination, amountMsat } = wanted
    if (isPeerId(destination))
      return await whenThere(parts, signal, () => agentInvoice(parts, destination, wanted, signal))
    const request = { destination, amountMsat, network, now: Math.floor(now() / 1000), signal }
    return (await requestInvoice(request, ports)).bolt11
  }

/** That the edge restarts is no answer of the agent: it is asked again until `signal` aborts. */
async function whenThere<T>(
  { now, sleep }: Pick<InvoiceSourceParts, 'now' | 'sleep'>,
  signal: AbortSignal,
  ask: () => Promise<T>,
): Promise<T> {
  const agentUntil = now() + AGENT_WAIT_MS
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof EdgeLinkError) || signal.aborted) throw error
      const isOffline = error.reason === 'unavailable' && now() < agentUntil
      if (error.code !== 'away' && !isOffline) throw error
      await sleep(RETRY_MS, signal)
      if (signal.aborted) throw error
    }
  }
}

async function agentInvoice(
  { edge }: Pick<InvoiceSourceParts, 'edge'>,
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
