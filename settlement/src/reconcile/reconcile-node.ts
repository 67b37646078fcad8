import type { Database } from '../db/database.ts'
import type { Invoice, LightningBackend, PaymentRecord } from '../lightning/lightning-backend.ts'
import { journalMark, settleIndexes } from './books-facts.ts'
import {
  compareChannels,
  compareInvoice,
  comparePayment,
  compareSettleIndex,
  type InvoiceFact,
  type PaymentFact,
} from './compare.ts'
import type { Finding } from './finding.ts'
import { assetLines, invoiceFacts, paymentFacts } from './ledger-facts.ts'
import { NodeComparison } from './node-facts.ts'

/** Until what differed is compared again: the settler books an event within a second. */
const CONFIRM_MS = 5_000
/** `inv:<hash>` and `esc:<hash>`: what was paid for an invoice. */
const INVOICE_KEY = /^(?:inv|esc):([0-9a-f]{64})$/
const PAYOUT_KEY = /^po:(.+):ok$/

export interface NodeReconciliation {
  readonly findings: readonly Finding[]
  /** Settled invoices and payments that the node has, and postings to `asset:ln`. */
  readonly invoices: number
  readonly payments: number
  readonly lines: number
  /** Differences that are not among the findings, because there are too many. */
  readonly omitted: number
}

export interface NodeOptions {
  /** What the channels had before the first posting, msat. */
  readonly openingMsat: bigint | undefined
  readonly toleranceMsat: bigint
  /** Unix seconds. */
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
  readonly signal: AbortSignal
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
  let [lines, bookedMsat] = [0, 0n]
  for await (const { key, amountMsat, paymentHash, owner } of assetLines(db, mark)) {
    lines++
    bookedMsat -= amountMsat
    const invoice = INVOICE_KEY.exec(key)?.[1]
    if (invoice !== undefined) invoices.expect(invoice)
    if (!PAYOUT_KEY.test(key)) continue
    if (paymentHash !== undefined) payments.expect(paymentHash)
    else findings.push(unproven(key, amountMsat, owner))
  }
  if (invoices.hasSuspects || payments.hasSuspects) await options.sleep(CONFIRM_MS, signal)
  signal.throwIfAborted()
  findings.push(...(await invoices.findings()), ...(await payments.findings()))
  const { localMsat, unsettledLocalMsat } = await node.balance()
  const channels = compareChannels({
    bookedMsat,
    channelsMsat: localMsat + unsettledLocalMsat,
    openingMsat: options.openingMsat,
    toleranceMsat: options.toleranceMsat,
  })
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

/** A payment that has not succeeded may do so between two looks. */
async function paymentNow(
  node: LightningBackend,
  payment: PaymentRecord,
  signal: AbortSignal,
): Promise<PaymentRecord> {
  if (payment.outcome.status === 'succeeded') return payment
  for await (const now of node.listPayments(payment.index - 1n, signal))
    return now.paymentHash === payment.paymentHash ? now : payment
  return payment
}

/** A payout that is booked as paid, and no attempt of it has succeeded. */
const unproven = (key: string, amountMsat: bigint, owner: string | undefined): Finding => ({
  kind: 'payout_unpaid',
  account: owner ?? 'suspense',
  reference: key.replace(PAYOUT_KEY, 'po:$1'),
  expectedMsat: -amountMsat,
  actualMsat: 0n,
})
