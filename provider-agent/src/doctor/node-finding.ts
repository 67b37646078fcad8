import { decodeInvoice } from '@infernet/settlement/bolt11/decode-invoice'
import type { NodeInfo } from '@infernet/settlement/lightning/lightning-backend'
import { LightningError } from '@infernet/settlement/lightning/lightning-error'
import { InvoiceRefusal, type InvoiceIssuer } from '../payout/invoice-issuer.ts'
import { failed, ok, warning, type Finding } from './check.ts'

/** Always the same one, so that the node keeps one of the doctor's and no more. */
const TRIAL = { id: 0, payout: 'doctor', attempt: 1, amount_msat: '1000' }
const LND_FIX = 'does LND run, and are --lnd, --lnd-cert and --lnd-macaroon its own?'

/** Asks the owner's own node who it is and for an invoice, and whether that is of the edge's network. */
export async function nodeFinding(
  issuer: Pick<InvoiceIssuer, 'info' | 'issue'>,
  edgeNetwork: string | undefined,
): Promise<Finding> {
  try {
    const info = await issuer.info()
    const { network } = decodeInvoice(await issuer.issue(TRIAL))
    const said = `${nameOf(info)} on ${network} gave an invoice`
    if (edgeNetwork !== undefined && network !== edgeNetwork)
      return failed(`${said}, and this edge pays on ${edgeNetwork}`, 'name a node there with --lnd')
    return info.syncedToChain
      ? ok(said)
      : warning(`${said}, and is behind its chain`, 'lncli getinfo: wait until synced_to_chain')
  } catch (error) {
    if (error instanceof InvoiceRefusal) return failed(error.message, fixFor(error.cause))
    if (!(error instanceof LightningError)) throw error
    return failed(`your node: ${error.message}`, LND_FIX)
  }
}

/** By what a refusal came of: one macaroon may tell who the node is, and make no invoices. */
const fixFor = (cause: unknown): string =>
  cause instanceof LightningError && cause.code === 'permission'
    ? 'bake a macaroon that can make invoices: docs/provider.md'
    : LND_FIX

const nameOf = ({ alias, pubkey, simulated }: NodeInfo): string =>
  `your node ${alias === '' ? pubkey.slice(0, 12) : alias}${simulated ? ' (SIMULATED)' : ''}`
