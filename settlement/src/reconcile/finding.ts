import { suspended } from '../ledger/credit-events.ts'
import type { Posting } from '../ledger/posting.ts'

/**
 * `drift`: ledger and world disagree, and the command fails. `late`: they do, but not for long enough to
 * say so. `note`: worth knowing.
 */
export type Level = 'drift' | 'late' | 'note'

interface Kind {
  readonly level: Level
  /**
   * Whether what `asset:ln` is off by goes to suspense, since nothing else is going to book it: `found` on the
   * word of a record of the node, `lacking` on its having none.
   */
  readonly suspends: 'found' | 'lacking' | undefined
  /** What to do about it. */
  readonly advice: string
  /** Why a drift stays out of suspense. */
  readonly stays?: string
}

const late = (advice: string): Kind => ({ level: 'late', suspends: undefined, advice })
const note = (advice: string): Kind => ({ level: 'note', suspends: undefined, advice })
const drift = (advice: string, stays: string): Kind => ({
  level: 'drift',
  suspends: undefined,
  advice,
  stays,
})
const unexplained = (advice: string): Kind => ({ level: 'drift', suspends: 'found', advice })
const missing = (advice: string): Kind => ({ level: 'drift', suspends: 'lacking', advice })

const SETTLER_BOOKS = 'The settler is going to book it, and twice would be wrong.'
const UNDECIDED = 'The node has not said how it ends.'
const BY_HAND = 'No event is missing: rows were changed, and another event would not mend them.'

export const FINDING_KINDS = {
  invoice_late: late('Just settled; the settler is about to credit it.'),
  invoice_uncredited: drift(
    'Start the settler, or read its log: it credits what is settled after its settle index. If it has passed this one, set settle_indexes back; what was credited is not credited again.',
    SETTLER_BOOKS,
  ),
  invoice_unknown: unexplained(
    'Somebody paid the node without an order: a keysend, or an invoice made by hand. Find out who.',
  ),
  invoice_amount: unexplained(
    'The ledger has another amount than the node was paid. Look at the postings of this hash.',
  ),
  credit_unpaid: missing(
    'The ledger has money that this node was never paid. Look whether the node or its database was replaced before anything is paid out.',
  ),
  payment_unknown: unexplained(
    'The node paid what no payout asked for. Who else has its macaroon?',
  ),
  payment_unbooked: drift(
    'The node has paid, the payout does not know. Start the settler, or read its log; it asks the node again.',
    SETTLER_BOOKS,
  ),
  payment_after_failure: unexplained(
    'The node has paid an attempt that was booked as failed, so its owner has the money back as well. Stop payouts and look.',
  ),
  payment_running_after_failure: drift(
    'An attempt was booked as failed while the node is still trying it. Stop payouts and look.',
    UNDECIDED,
  ),
  payment_running_after_success: drift(
    'A payout was booked as paid while the node is still trying it. Stop payouts and look.',
    UNDECIDED,
  ),
  paid_twice: unexplained('Two attempts of one payout have been paid. Stop payouts and look.'),
  payment_amount: unexplained(
    'Another amount arrived than the payout has. Look at the payout and at the payment.',
  ),
  payment_fee: unexplained(
    'Routing has cost something else than was booked. Look at the payment in LND.',
  ),
  payout_unpaid: drift(
    'The payout is booked as paid and this node has no record of it. Look whether the node or its database was replaced, or whether records of payments were deleted; if it was never paid, give it back by hand.',
    'Nodes delete records of payments when they are told to: what none is left of may have been paid.',
  ),
  attempt_stuck: drift(
    'Not resolved for ten minutes. The payee may hold the payment (LND says in flight), else the settler does not get on: read its log. Never give the money back by hand while LND has the payment in flight.',
    UNDECIDED,
  ),
  journal_unbalanced: drift(
    'The entries of an event do not sum to zero: rows were changed by hand. Restore them from a backup.',
    BY_HAND,
  ),
  balance_drift: drift(
    'A kept balance is not the sum of its entries: it was changed by hand. The entries count.',
    BY_HAND,
  ),
  insolvent: drift(
    'More is owed than there is, by the books and in the channels. Stop payouts and find out what was spent.',
    'It is a sum over all accounts; where it comes from, the findings beside it say.',
  ),
  at_a_loss: note(
    'Routing and suspense have cost more than the fee has brought. The rest is the operator’s own money in the channels.',
  ),
  in_suspense: note('Nobody has explained this yet: see the entries of suspense.'),
  channel_balance: drift(
    'The channels have another balance than the journal: channels opened or closed, on-chain fees, or payments that LND has forgotten. Book it, or correct the opening balance.',
    'Opening, closing and on-chain fees move it as well, and no hash tells these from a loss.',
  ),
  channel_position: note('What the channels have beside what the journal has; nothing is wrong.'),
  settle_index_behind: drift(
    'The node has settled fewer invoices than were read from it: its database is older than the ledger. Do not pay out before it is clear what was lost.',
    'It says nothing of an amount.',
  ),
  other_node: note(
    'The ledger has read invoices of another node too; what was paid there is missing here.',
  ),
  live_balance: drift(
    'The live balance is not what the journal has. Look for account_transfers that stay pending, for an outbox that does not empty (store_failed in the edge’s log), and for an account store from an older backup.',
    'A live balance is a copy. What an account is owed is the journal’s, and is not changed since a copy differs.',
  ),
  live_moving: late('It moved all the time and could not be compared.'),
} as const satisfies Record<string, Kind>

export type FindingKind = keyof typeof FINDING_KINDS

/** Amounts are msat. */
export interface Finding {
  readonly kind: FindingKind
  /** The ledger's code of whose money it is about. */
  readonly account: string
  /** `inv:<hash>`, `pay:<hash>`, `po:<payout>`, a key of the journal, or nothing. */
  readonly reference: string
  /** What the ledger has. */
  readonly expectedMsat: bigint
  /** What there is. */
  readonly actualMsat: bigint
}

export const levelOf = (finding: Finding): Level => FINDING_KINDS[finding.kind].level

/** What to do about it, and why it stays out of suspense where it does. */
export function adviceOf({ kind }: Finding): string {
  const { advice, stays }: Kind = FINDING_KINDS[kind]
  return stays === undefined ? advice : `${advice} Not to suspense: ${stays}`
}

/** Whether it goes to suspense, and on what ground. */
export const suspendsOf = ({ kind }: Finding): Kind['suspends'] => FINDING_KINDS[kind].suspends

/**
 * What moves the difference between node and ledger to suspense; undefined where something else will book
 * it. Once per reference: what is off again later is for somebody to look at.
 */
export function suspenseOf(finding: Finding): Posting | undefined {
  const amount = finding.actualMsat - finding.expectedMsat
  if (suspendsOf(finding) === undefined || amount === 0n) return undefined
  return suspended({ reference: finding.reference, from: 'asset:ln', amount })
}
