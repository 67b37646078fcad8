import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, toJsonb, type Database } from '../db/database.ts'
import type { BooksOfAccount } from './compare-live.ts'

const amount = z.coerce.bigint()

const codeRows = z.array(z.tuple([amount, z.string()]))

/** Codes of accounts that have a live balance, in the order they came, from after the row `after`. */
export async function liveCodes(
  db: Database,
  after: bigint,
  limit: number,
): Promise<{ readonly codes: string[]; readonly last: bigint }> {
  const rows = await askRows(
    db,
    sql`
    select id, code from ledger_accounts
    where id > ${String(after)}::bigint and live_account(code) is not null order by id limit ${limit}`,
  )
  const page = codeRows.parse(rows)
  return { codes: page.map(([, code]) => code), last: page.at(-1)?.[0] ?? after }
}

const bookRows = z.array(z.tuple([z.string(), amount, amount, amount, amount]))

/** What Postgres has of these accounts, in one snapshot. */
export async function booksOfAccounts(
  db: Database,
  codes: readonly string[],
): Promise<BooksOfAccount[]> {
  const rows = await askRows(
    db,
    sql`
    select account.code, account.balance, told.untold, told.ahead, told.asked
    from jsonb_array_elements_text(${toJsonb(codes)}::jsonb) as wanted(code)
    join ledger_accounts as account on account.code = wanted.code
    cross join lateral (
      select
        coalesce(sum(transfer.amount_msat) filter (
          where transfer.state = 'pending' and transfer.amount_msat > 0), 0) as untold,
        coalesce(sum(transfer.amount_msat) filter (
          where transfer.state = 'done' and transfer.amount_msat < 0 and not exists (
            select from journal as event where event.key = 'po:' || substr(transfer.reference, 4) || ':start'
          )), 0) as ahead,
        coalesce(sum(transfer.amount_msat) filter (
          where transfer.state = 'pending' and transfer.amount_msat < 0), 0) as asked
      from account_transfers as transfer
      where transfer.account_id = live_account(account.code)
    ) as told`,
  )
  return bookRows.parse(rows).map(([code, balanceMsat, untoldMsat, aheadMsat, askedMsat]) => ({
    code,
    balanceMsat,
    untoldMsat,
    aheadMsat,
    askedMsat,
  }))
}
