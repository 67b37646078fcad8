import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, type Database } from '../db/database.ts'

const rowsSchema = z.array(
  z.tuple([
    z.string(),
    z.string(),
    z.coerce.bigint(),
    z.coerce.number(),
    z.coerce.bigint(),
    z.boolean(),
    z.coerce.number().int(),
    z.coerce.number().nullable(),
  ]),
)

/** A provider that is owed money and has said where it wants it. Amounts are msat, dates Unix ms. */
export interface PayableProvider {
  readonly peer: string
  /** Of its capability record, as the database has it: nothing of it is checked. */
  readonly payout: unknown
  readonly owedMsat: bigint
  /**
   * When the first of it was released after the last payout that did not fail. What a daily cap left behind
   * counts as younger than it is, at most by that payout's wait.
   */
  readonly oldestAt: number
  /** Sent within a day, what is under way included. */
  readonly sentTodayMsat: bigint
  readonly inFlight: boolean
  /** Payouts in a row that failed, of the last day, and when the last did. */
  readonly failures: number
  readonly failedAt: number | undefined
}

/** A page of them in order of their ids, from after `after`; '' is the beginning. */
export async function payableProviders(
  db: Database,
  after: string,
  limit: number,
): Promise<readonly PayableProvider[]> {
  const rows = rowsSchema.parse(await askRows(db, page(after, limit)))
  return rows.map(
    ([peer, payout, owedMsat, oldestAt, sentTodayMsat, inFlight, failures, failedAt]) => ({
      peer,
      payout: JSON.parse(payout),
      owedMsat,
      oldestAt,
      sentTodayMsat,
      inFlight,
      failures,
      failedAt: failedAt ?? undefined,
    }),
  )
}

/** Every fact is one look into an index, or at the provider's payouts of a day. */
const page = (after: string, limit: number) => sql`
  select providers.id, providers.capability -> 'payout', account.balance,
    coalesce((
      select extract(epoch from journal.at) * 1000
      from entries join journal on journal.id = entries.journal_id
      where entries.account_id = account.id and entries.amount_msat > 0
        and journal.kind <> 'payout_failed'
        and entries.journal_id > coalesce((
          select started.id from journal as started
          where started.key = 'po:' || (
            select payouts.id from payouts
            where payouts.owner = account.code and payouts.state <> 'failed'
            order by payouts.created_at desc limit 1
          ) || ':start'
        ), 0)
      order by entries.journal_id limit 1
    ), extract(epoch from now()) * 1000)::bigint,
    coalesce((
      select sum(payouts.amount_msat) from payouts
      where payouts.owner = account.code and payouts.state <> 'failed'
        and payouts.created_at > now() - interval '1 day'
    ), 0)::bigint,
    exists (
      select from payouts
      where payouts.owner = account.code and payouts.state in ('open', 'paying')
    ),
    failed.count, failed.at
  from providers
  join ledger_accounts as account on account.code = 'provider:' || providers.id
  cross join lateral (
    select count(*) as count, (extract(epoch from max(payouts.finished_at)) * 1000)::bigint as at
    from payouts
    where payouts.owner = account.code and payouts.state = 'failed'
      and payouts.created_at > now() - interval '1 day'
      and payouts.created_at > coalesce((
        select max(done.created_at) from payouts as done
        where done.owner = account.code and done.state = 'succeeded'
      ), '-infinity')
  ) as failed
  where providers.id > ${after} and account.balance > 0
    and jsonb_typeof(providers.capability -> 'payout') = 'object'
  order by providers.id limit ${limit}`
