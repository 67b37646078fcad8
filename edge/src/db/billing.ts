import { and, desc, eq, gt, inArray, sql, type SQL } from 'drizzle-orm'
import type { AccountId } from '@infernet/schemas/ids'
import {
  accountTransfers,
  payoutAttempts,
  payouts,
  settlerLease,
  topUps,
  withdrawals,
} from '@infernet/schemas/settlement-tables'
import {
  ask,
  askRows,
  openDatabase,
  toJsonb,
  type Database,
} from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { destinationSchema } from '@infernet/settlement/payout/payout-row'
import type {
  BillingStore,
  PendingTransfer,
  SettlerNode,
  StoredTopUp,
  StoredWithdrawal,
  TopUpRequest,
  WithdrawalRequest,
} from '../billing/billing-port.ts'
import type { TransferOutcome } from '../ports.ts'

/** {@link BillingStore} over any Postgres. */
export function postgresBilling(port: DbPort): BillingStore {
  const db = openDatabase(port)
  return {
    orderTopUp: (order) => orderTopUp(db, order),
    findTopUp: async (id) => (await readTopUps(db, eq(topUps.id, id), 1))[0],
    topUpsOf: (accountId, limit) => readTopUps(db, eq(topUps.accountId, accountId), limit),
    orderWithdrawal: (order) => orderWithdrawal(db, order),
    findWithdrawal: async (accountId, id) => {
      const own = and(eq(withdrawals.accountId, accountId), eq(withdrawals.id, id))
      return (await readWithdrawals(db, own, 1))[0]
    },
    withdrawalsOf: (accountId, limit) =>
      readWithdrawals(db, eq(withdrawals.accountId, accountId), limit),
    pendingTransfers: (references) => pendingTransfers(db, references),
    transferEnded: (reference, outcome) => transferEnded(db, reference, outcome),
    node: () => runningNode(db),
  }
}

async function orderTopUp(db: Database, order: TopUpRequest): Promise<void> {
  const { id, accountId = null, amountMsat, memo, expirySeconds, createdAt } = order
  await askRows(
    db,
    sql`
    insert into top_ups (id, account_id, credited_to, amount_msat, memo, expiry_seconds, created_at)
    values (
      ${id}, ${accountId}, owner_code(${accountId}::text), ${amountMsat}, ${memo}, ${expirySeconds},
      ${createdAt}
    )
    on conflict (id) do nothing`,
  )
}

async function readTopUps(db: Database, which: SQL, limit: number): Promise<StoredTopUp[]> {
  const rows = await ask(
    db
      .select({ topUp: topUps, told: accountTransfers.state })
      .from(topUps)
      .leftJoin(
        accountTransfers,
        eq(accountTransfers.reference, sql`'inv:' || ${topUps.paymentHash}`),
      )
      .where(which)
      .orderBy(desc(topUps.createdAt), desc(topUps.id))
      .limit(limit),
  )
  return rows.map(({ topUp, told }) => ({
    id: topUp.id,
    accountId: accountOrNone(topUp.accountId),
    amountMsat: topUp.amountMsat,
    memo: topUp.memo,
    expirySeconds: topUp.expirySeconds,
    createdAt: topUp.createdAt,
    state: topUp.state,
    paymentHash: topUp.paymentHash ?? undefined,
    bolt11: topUp.bolt11 ?? undefined,
    expiresAt: topUp.expiresAt ?? undefined,
    paidMsat: topUp.paidMsat,
    credited: told === 'done',
  }))
}

const accountOrNone = (id: string | null): AccountId | undefined =>
  id === null ? undefined : (id as AccountId)

/** The order and what it takes from the live balance are one statement: there is never one of them. */
async function orderWithdrawal(db: Database, order: WithdrawalRequest): Promise<void> {
  const { id, accountId, amountMsat, feeReserveMsat, destination } = order
  await askRows(
    db,
    sql`
    with ordered as (
      insert into withdrawals (id, account_id, amount_msat, fee_reserve_msat, destination)
      values (${id}, ${accountId}, ${amountMsat}, ${feeReserveMsat}, ${toJsonb(destination)}::jsonb)
      on conflict (id) do nothing
      returning id, account_id, amount_msat + fee_reserve_msat as taken
    )
    insert into account_transfers (reference, account_id, amount_msat)
    select 'wd:' || id, account_id, 0 - taken from ordered`,
  )
}

async function readWithdrawals(
  db: Database,
  which: SQL | undefined,
  limit: number,
): Promise<StoredWithdrawal[]> {
  const rows = await ask(
    db
      .select({
        order: withdrawals,
        funding: accountTransfers.state,
        payout: payouts.state,
        failure: payouts.failure,
        preimage: payoutAttempts.preimage,
        feeMsat: payoutAttempts.feeMsat,
      })
      .from(withdrawals)
      .leftJoin(accountTransfers, eq(accountTransfers.reference, sql`'wd:' || ${withdrawals.id}`))
      .leftJoin(payouts, eq(payouts.id, withdrawals.id))
      .leftJoin(
        payoutAttempts,
        and(eq(payoutAttempts.payoutId, withdrawals.id), eq(payoutAttempts.state, 'succeeded')),
      )
      .where(which)
      .orderBy(desc(withdrawals.createdAt), desc(withdrawals.id))
      .limit(limit),
  )
  return rows.map(({ order, funding, payout, failure, preimage, feeMsat }) => ({
    id: order.id,
    accountId: order.accountId as AccountId,
    amountMsat: order.amountMsat,
    feeReserveMsat: order.feeReserveMsat,
    destination: destinationSchema.parse(order.destination),
    funding: funding ?? 'pending',
    payout: payout ?? undefined,
    failure: failure ?? undefined,
    preimage: preimage ?? undefined,
    feeMsat: feeMsat ?? undefined,
    createdAt: order.createdAt.getTime(),
  }))
}

async function pendingTransfers(
  db: Database,
  references: readonly string[],
): Promise<PendingTransfer[]> {
  if (references.length === 0) return []
  const rows = await ask(
    db
      .select()
      .from(accountTransfers)
      .where(
        and(
          inArray(accountTransfers.reference, [...references]),
          eq(accountTransfers.state, 'pending'),
        ),
      ),
  )
  return rows.map(({ reference, accountId, amountMsat }) => ({
    reference,
    accountId: accountId as AccountId,
    amountMsat,
  }))
}

async function transferEnded(
  db: Database,
  reference: string,
  outcome: TransferOutcome,
): Promise<void> {
  // What the live balance has refused waits for no payout.
  await askRows(
    db,
    sql`
    with ended as (
      update account_transfers set state = ${outcome}
      where reference = ${reference} and state = 'pending'
      returning reference
    )
    update withdrawals set begun_at = now()
    from ended
    where ${outcome}::text = 'refused' and 'wd:' || withdrawals.id = ended.reference`,
  )
}

async function runningNode(db: Database): Promise<SettlerNode | undefined> {
  const [row] = await ask(
    db
      .select({
        pubkey: settlerLease.nodePubkey,
        network: settlerLease.network,
        simulated: settlerLease.simulated,
      })
      .from(settlerLease)
      .where(gt(settlerLease.expiresAt, sql`now()`))
      .limit(1),
  )
  return row
}
