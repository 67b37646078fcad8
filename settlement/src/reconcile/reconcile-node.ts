import type { Database } from '../db/database.ts'
import type { Invoice, LightningBackend, PaymentRecord } from '../lightning/lightning-backend.ts'
import { bookedAssets, journalMark, settleIndexes } from './books-facts.ts'
import {
  compareInvoice,
  comparePayment,
  compareSettleIndex,
  type InvoiceFact,
  type PaymentFact,
} from './compare.ts'
import type { Finding } from './finding.ts'
import { assetLines, invoiceFacts, paymentFacts } from './ledger-facts.ts'
import { NodeComparison } from './node-facts.ts'
import { paymentNow } from './payment-now.ts'
import { reconcileChannels, type ChannelOptions } from './reconcile-channels.ts'
import { unprovenPayout } from './unproven-payout.ts'

/** Until what differed is compared again: the settler books an event within a second. */
const CONFIRM_MS = 5_000
/** What was paid for an invoice, by its hash: credit, an escrow, or what is in suspense for it. */
const INVOICE_KEY = /^(?:inv|esc|sus:inv):([0-9a-f]{64})$/
/** What is in suspense for a payment. */
const SUSPENDED_KEY = /^sus:pay:([0-9a-f]{64})$/

export interface NodeReconciliation {
  readonly findings: readonly Finding[]
  /** Settled invoices and payments that the node has, and postings to `asset:ln`. */
  readonly invoices: number
  readonly payments: number
  readonly lines: number
  /** Differences that are not among the findings, because there are too many. */
  readonly omitted: number
}

export interface NodeOptions extends ChannelOptions {
  /** Unix seconds. */
  now(): number
}

/**
 * Compares what the node was paid and has paid with what the journal has of it, hash by hash and both ways.
 * What differs is compared again some seconds later, since both sides go on. Throws `LightningError` and
 * the errors of the database.
 */
export async function reconcileNode(
  db: Database,
  node: LightningBackend,
  options: NodeOptions,
): Promise<NodeReconciliation> {
  const { signal, now } = options
  // Before the node is read: what is posted by now the node has had before.
  const [mark, read, info] = [await journalMark(db), await settleIndexes(db), await node.info()]
  let settled = 0n
  const invoices = new NodeComparison<Invoice, InvoiceFact>({
    load: (hashes) => invoiceFacts(db, hashes),
    compare: (invoice, fact) => compareInvoice(invoice, fact, now()),
    refresh: async (invoice) => invoice,
  })
  await invoices.read(
    settledOf(node.listInvoices(0n, signal), (index) => {
      if (index > settled) settled = index
    }),
  )
  const payments = new NodeComparison<PaymentRecord, PaymentFact>({
    load: (hashes) => paymentFacts(db, hashes),
    compare: comparePayment,
    refresh: (payment) => paymentNow(node, payment, signal),
  })
  await payments.read(node.listPayments(0n, signal))
  signal.throwIfAborted()

  const findings = compareSettleIndex({ node: info.pubkey, settled, read })
  let lines = 0
  for await (const line of assetLines(db, mark)) {
    lines++
    const { key, paymentHash = SUSPENDED_KEY.exec(key)?.[1] } = line
    const invoice = INVOICE_KEY.exec(key)?.[1]
    if (invoice !== undefined) invoices.expect(invoice)
    if (paymentHash !== undefined) {
      payments.expect(paymentHash)
      continue
    }
    const finding = unprovenPayout(line)
    if (finding !== undefined) findings.push(finding)
  }
  if (invoices.hasSuspects || payments.hasSuspects) await options.sleep(CONFIRM_MS, signal)
  signal.throwIfAborted()
  findings.push(...(await invoices.findings()), ...(await payments.findings()))
  const channels = await reconcileChannels(() => bookedAssets(db), node, options)
  if (channels !== undefined) findings.push(channels)
  return {
    findings,
    invoices: invoices.size,
    payments: payments.size,
    lines,
    omitted: invoices.omitted + payments.omitted,
  }
}

async function* settledOf(
  invoices: AsyncIterable<Invoice>,
  onIndex: (settleIndex: bigint) => void,
): AsyncGenerator<Invoice, void> {
  for await (const invoice of invoices) {
    if (invoice.state !== 'settled') continue
    onIndex(invoice.settleIndex)
    yield invoice
  }
}
