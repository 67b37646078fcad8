import { SIMULATED_MARK } from '@infernet/settlement/lightning/simulated-mark'
import { unixSeconds } from '../unix-seconds.ts'
import type { SettlerNode, StoredTopUp, StoredWithdrawal } from './billing-port.ts'

const MAKING = 'The invoice is being made: ask again in a moment.'

/** A top-up as its client sees it. `node` is undefined while no settler runs. */
export function topUpJson(row: StoredTopUp, node: SettlerNode | undefined) {
  return {
    id: row.id,
    object: 'billing.topup',
    status: row.state,
    created: row.createdAt,
    amount_msat: String(row.amountMsat),
    amount_sat: satOf(row.amountMsat),
    memo: row.memo,
    invoice: row.bolt11 ?? null,
    payment_hash: row.paymentHash ?? null,
    expires_at: row.expiresAt ?? null,
    paid_msat: String(row.paidMsat),
    credited: row.credited,
    ...nodeJson(node, row.state === 'requested' ? MAKING : null),
  }
}

type WithdrawalStatus = 'requested' | 'funded' | 'paying' | 'succeeded' | 'failed' | 'refused'

/** Where a withdrawal is: its money is taken, then it is paid. */
function withdrawalStatus(row: StoredWithdrawal): WithdrawalStatus {
  if (row.funding === 'refused') return 'refused'
  if (row.funding === 'pending') return 'requested'
  if (row.payout === undefined) return 'funded'
  // Between two attempts it is open again.
  return row.payout === 'open' ? 'paying' : row.payout
}

export const isUnfinished = (row: StoredWithdrawal): boolean =>
  ['requested', 'funded', 'paying'].includes(withdrawalStatus(row))

/** A withdrawal as its client sees it. */
export function withdrawalJson(row: StoredWithdrawal, node: SettlerNode | undefined) {
  const { destination } = row
  return {
    id: row.id,
    object: 'billing.withdrawal',
    status: withdrawalStatus(row),
    created: unixSeconds(row.createdAt),
    amount_msat: String(row.amountMsat),
    amount_sat: satOf(row.amountMsat),
    fee_reserve_msat: String(row.feeReserveMsat),
    invoice: destination.kind === 'bolt11' ? destination.bolt11 : null,
    lightning_address: destination.kind === 'ask' ? destination.whom : null,
    fee_msat: row.feeMsat === undefined ? null : String(row.feeMsat),
    preimage: row.preimage ?? null,
    failure: row.funding === 'refused' ? 'insufficient_credit' : (row.failure ?? null),
    ...nodeJson(node, null),
  }
}

/** The latest top-ups of an account, and the node that would make another. */
export const topUpListJson = (rows: readonly StoredTopUp[], node: SettlerNode | undefined) => ({
  object: 'list',
  data: rows.map((row) => topUpJson(row, node)),
  ...nodeJson(node, null),
})

/** What amounts of a simulated node come with. */
export const simulatedNotice = (node: SettlerNode | undefined): string | null =>
  node?.simulated === true ? `${SIMULATED_MARK}: no real money.` : null

/** Nothing is said of a node without saying that it is simulated. */
function nodeJson(node: SettlerNode | undefined, notice: string | null) {
  const marks = [simulatedNotice(node), notice]
  const said = marks.filter((mark) => mark !== null)
  return {
    network: node?.network ?? null,
    simulated: node?.simulated ?? null,
    notice: said.length === 0 ? null : said.join(' '),
  }
}

const satOf = (msat: bigint): number => Number(msat) / 1000
