import type { SimNode } from './sim-network.ts'
import type { SimInvoice } from './sim-state.ts'

// What the services of a simulated LND have in common.

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** LND takes amounts in either unit; the finer one wins. */
export const msatOf = (msat: string, sat: string) =>
  msat === '0' ? BigInt(sat) * 1000n : BigInt(msat)

export function watchInvoices(node: SimNode, watcher: (invoice: SimInvoice) => void): () => void {
  node.invoices.watchers.add(watcher)
  return () => node.invoices.watchers.delete(watcher)
}

/** The fields that both kinds of invoices are asked for with. */
export function newInvoice(request: {
  memo: string
  valueMsat: string
  value: string
  expiry: string
  cltvExpiry: string
}) {
  return {
    memo: request.memo,
    amountMsat: msatOf(request.valueMsat, request.value),
    expirySeconds: Number(request.expiry),
    cltvExpiry: Number(request.cltvExpiry),
  }
}

export function addedInvoice(invoice: SimInvoice) {
  return {
    paymentRequest: invoice.bolt11,
    addIndex: String(invoice.addIndex),
    paymentAddr: Buffer.from(invoice.paymentSecret, 'hex'),
  }
}
