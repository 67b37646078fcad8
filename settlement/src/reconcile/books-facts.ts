import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, type Database } from '../db/database.ts'
import type { Finding } from './finding.ts'

/** Events whose entries are summed in one statement: some tenths of a second. */
const EVENTS_PER_WINDOW = 50_000n
/** Accounts whose entries are summed in one statement. */
const ACCOUNTS_PER_PAGE = 500
/** Attempts that are named as stuck: one is an alarm. */
const MAX_STUCK = 100
/** Attempts that nothing has become of for so long are looked at. */
const STUCK_MINUTES = 10

const amount = z.coerce.bigint()
const oneAmount = z.tuple([z.tuple([amount])])
const pairs = z.array(z.tuple([z.string(), amount]))

/** The last row of the journal: what was posted before now is at most there. */
export async function journalMark(db: Database): Promise<bigint> {
  const rows = await askRows(db, sql`select coalesce(max(id), 0) from journal`)
  return oneAmount.parse(rows)[0][0]
}

/** Events up to `mark` whose entries do not sum to zero; when there are none, all entries do not either. */
export async function* unbalancedEvents(db: Database, mark: bigint): AsyncGenerator<Finding, void> {
  for (let after = 0n; after < mark; after += EVENTS_PER_WINDOW) {
    const rows = await askRows(
      db,
      sql`
      select coalesce(event.key, 'missing:' || entry.journal_id), sum(entry.amount_msat)
      from entries as entry left join journal as event on event.id = entry.journal_id
      where entry.journal_id > ${String(after)}::bigint
        and entry.journal_id <= ${String(after + EVENTS_PER_WINDOW)}::bigint
      group by entry.journal_id, event.key having sum(entry.amount_msat) <> 0
      order by entry.journal_id`,
    )
    for (const [reference, actualMsat] of pairs.parse(rows))
      yield {
        kind: 'journal_unbalanced',
        account: 'suspense',
        reference,
        expectedMsat: 0n,
        actualMsat,
      }
  }
}

const balanceRows = z.array(z.tuple([amount, z.string(), amount, amount]))

/** Accounts whose kept balance is not the sum of their entries. */
export async function* driftedBalances(db: Database): AsyncGenerator<Finding, void> {
  for (let after = 0n; ;) {
    const rows = await askRows(
      db,
      sql`
      select account.id, account.code, account.balance,
        (select coalesce(sum(entry.amount_msat), 0) from entries as entry where entry.account_id = account.id)
      from ledger_accounts as account
      where account.id > ${String(after)}::bigint and account.tracked
      order by account.id limit ${ACCOUNTS_PER_PAGE}`,
    )
    const page = balanceRows.parse(rows)
    for (const [, account, actualMsat, expectedMsat] of page)
      if (actualMsat !== expectedMsat)
        yield { kind: 'balance_drift', account, reference: '', expectedMsat, actualMsat }
    const last = page.at(-1)
    if (last === undefined || page.length < ACCOUNTS_PER_PAGE) return
    after = last[0]
  }
}

/** All balances in one snapshot: by kind of account, and by code where a kind is entries only. */
export async function bookBalances(db: Database): Promise<Map<string, bigint>> {
  const rows = await askRows(
    db,
    sql`
    select split_part(code, ':', 1), sum(balance) from ledger_accounts where tracked group by 1
    union all
    select account.code, coalesce(sum(entry.amount_msat), 0)
    from ledger_accounts as account join entries as entry on entry.account_id = account.id
    where not account.tracked group by account.code`,
  )
  return new Map(pairs.parse(rows))
}

/** What has come in at the node less what went out, by the books, msat. */
export async function bookedAssets(db: Database): Promise<bigint> {
  const rows = await askRows(
    db,
    sql`
    select coalesce(-sum(amount_msat), 0) from entries
    where account_id = (select id from ledger_accounts where code = 'asset:ln')`,
  )
  return oneAmount.parse(rows)[0][0]
}

const stuckRows = z.array(z.tuple([z.string(), z.string(), amount]))

/** Attempts that were recorded long ago and are not resolved. */
export async function stuckAttempts(db: Database): Promise<Finding[]> {
  const rows = await askRows(
    db,
    sql`
    select attempt.payment_hash, payout.owner, payout.amount_msat
    from payouts as payout join payout_attempts as attempt on attempt.payout_id = payout.id
    where payout.state in ('open', 'paying') and attempt.state = 'unresolved'
      and attempt.created_at < now() - make_interval(mins => ${STUCK_MINUTES})
    order by attempt.created_at limit ${MAX_STUCK}`,
  )
  return stuckRows.parse(rows).map(([hash, account, actualMsat]) => ({
    kind: 'attempt_stuck' as const,
    account,
    reference: `pay:${hash}`,
    expectedMsat: 0n,
    actualMsat,
  }))
}

/** How far each node's settled invoices have been read. */
export async function settleIndexes(db: Database): Promise<Map<string, bigint>> {
  const rows = await askRows(db, sql`select node_pubkey, settle_index from settle_indexes`)
  return new Map(pairs.parse(rows))
}
