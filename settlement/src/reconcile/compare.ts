import type { PayoutState } from '@infernet/schemas/payout-state'
import type { Invoice, PaymentRecord } from '../lightning/lightning-backend.ts'
import type { AttemptState } from '../payout/payout-state.ts'
import type { Finding, FindingKind } from './finding.ts'

/** How long the settler may take to hear of an invoice and credit it. */
export const LATE_SECONDS = 60

/** What the ledger has under the hash of an invoice. Amounts are msat that `asset:ln` has got. */
export interface InvoiceFact {
  readonly hash: string
  /** Whose money it is by our orders; undefined when there is none. */
  readonly owner: string | undefined
  readonly bookedMsat: bigint
  /** What reconciliation has put into suspense for it. */
  readonly suspendedMsat: bigint
}

/** What the ledger has under the hash of a payment. Amounts are msat that have left `asset:ln`. */
export interface PaymentFact {
  readonly hash: string
  /** Undefined when no attempt of ours has the hash. */
  readonly attempt:
    | {
        readonly payout: string
        readonly owner: string
        readonly state: AttemptState
        readonly payoutState: PayoutState
        readonly amountMsat: bigint
      }
    | undefined
  readonly bookedMsat: bigint
  readonly suspendedMsat: bigint
}

/**
 * What is wrong with an invoice that the node calls settled, or (undefined) that it does not have settled,
 * though the ledger has it. `now` in Unix seconds.
 */
export function compareInvoice(
  invoice: Pick<Invoice, 'paidMsat' | 'settledAt'> | undefined,
  fact: InvoiceFact,
  now: number,
): Finding | undefined {
  const expectedMsat = fact.bookedMsat + fact.suspendedMsat
  const actualMsat = invoice?.paidMsat ?? 0n
  if (actualMsat === expectedMsat) return undefined
  const kind = ((): FindingKind => {
    if (invoice === undefined) return 'credit_unpaid'
    if (expectedMsat !== 0n) return 'invoice_amount'
    if (fact.owner === undefined) return 'invoice_unknown'
    return now - invoice.settledAt < LATE_SECONDS ? 'invoice_late' : 'invoice_uncredited'
  })()
  const account = fact.owner ?? 'suspense'
  return { kind, account, reference: `inv:${fact.hash}`, expectedMsat, actualMsat }
}

/**
 * What is wrong with a payment of the node, in whatever state, or (undefined) one that it does not have,
 * though the ledger has it.
 */
export function comparePayment(
  payment: Pick<PaymentRecord, 'amountMsat' | 'feeMsat' | 'outcome'> | undefined,
  fact: PaymentFact,
): Finding | undefined {
  const { attempt } = fact
  const status = payment?.outcome.status
  const sent = payment !== undefined && status === 'succeeded'
  const actualMsat = sent ? -(payment.amountMsat + payment.feeMsat) : 0n
  const expectedMsat = -(fact.bookedMsat + fact.suspendedMsat)
  const account = attempt?.owner ?? 'suspense'
  const found = (kind: FindingKind): Finding => ({
    kind,
    account,
    reference: `pay:${fact.hash}`,
    expectedMsat,
    actualMsat,
  })
  if (actualMsat === expectedMsat)
    return status === 'in_flight' && attempt?.state === 'failed'
      ? found('payment_running_after_failure')
      : undefined
  if (status === 'in_flight') return found('payment_running_after_success')
  if (!sent) return found('payout_unpaid')
  if (attempt === undefined) return found('payment_unknown')
  if (attempt.state === 'unresolved') return found('payment_unbooked')
  if (attempt.state === 'failed')
    return found(attempt.payoutState === 'succeeded' ? 'paid_twice' : 'payment_after_failure')
  return found(attempt.amountMsat === payment.amountMsat ? 'payment_fee' : 'payment_amount')
}

/** Kinds whose balances somebody else has to get. */
const OWED = ['client', 'l402', 'provider_pending', 'provider', 'escrow', 'payout_inflight']

/**
 * Whether all that is owed is there, and what is not explained. `balances` are msat by kind of account, and
 * by code where a kind is entries only; `channelsMsat` is in the node's channels, the operator's own in it.
 */
export function compareBooks(
  balances: ReadonlyMap<string, bigint>,
  channelsMsat: bigint,
): Finding[] {
  const of = (kind: string): bigint => balances.get(kind) ?? 0n
  const expectedMsat = OWED.reduce((sum, kind) => sum + of(kind), 0n)
  const had = -of('asset:ln') - of('equity:operator')
  const findings: Finding[] = []
  if (expectedMsat > had) {
    const isCovered = expectedMsat <= channelsMsat
    findings.push({
      kind: isCovered ? 'at_a_loss' : 'insolvent',
      account: 'asset:ln',
      reference: '',
      expectedMsat,
      actualMsat: had,
    })
  }
  if (of('suspense') !== 0n)
    findings.push({
      kind: 'in_suspense',
      account: 'suspense',
      reference: '',
      expectedMsat: 0n,
      actualMsat: of('suspense'),
    })
  return findings
}

export interface ChannelFact {
  /** What `asset:ln` is owed to have: what came in less what went out, msat. */
  readonly bookedMsat: bigint
  /** In the channels and in HTLCs that we sent, msat. */
  readonly channelsMsat: bigint
  /** What the channels had before the first posting; undefined: nobody has said. */
  readonly openingMsat: bigint | undefined
  /** Commit fees come and go with the chain's, msat. */
  readonly toleranceMsat: bigint
}

/** Whether the channels have what the journal says, as far as that can be told. */
export function compareChannels(fact: ChannelFact): Finding | undefined {
  const expectedMsat = (fact.openingMsat ?? 0n) + fact.bookedMsat
  const actualMsat = fact.channelsMsat
  const off = actualMsat - expectedMsat
  if (fact.openingMsat !== undefined && -fact.toleranceMsat <= off && off <= fact.toleranceMsat)
    return undefined
  const kind = fact.openingMsat === undefined ? 'channel_position' : 'channel_balance'
  return { kind, account: 'asset:ln', reference: '', expectedMsat, actualMsat }
}

export interface SettleIndexFact {
  readonly node: string
  /** Highest that the node has given out. */
  readonly settled: bigint
  /** As stored, by node. */
  readonly read: ReadonlyMap<string, bigint>
}

/** Whether the node is the one whose invoices were read, as it was then. */
export function compareSettleIndex({ node, settled, read }: SettleIndexFact): Finding[] {
  const expectedMsat = 0n
  const about = (kind: FindingKind, reference: string): Finding => ({
    kind,
    account: 'asset:ln',
    reference,
    expectedMsat,
    actualMsat: 0n,
  })
  return [...read].flatMap(([pubkey, index]) => {
    if (pubkey !== node) return [about('other_node', pubkey)]
    return index > settled ? [about('settle_index_behind', `${settled} < ${index}`)] : []
  })
}
