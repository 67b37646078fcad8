import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, type Database } from '../db/database.ts'

/** What a provider got after all for an answer that had been taken for a lie. */
export interface LiftedPaid {
  readonly lease: string
  readonly provider: string
  readonly msat: bigint
}

const resultSchema = z.array(z.tuple([z.string(), z.string(), z.coerce.bigint()])).max(1)

/**
 * Pays the provider of one lifted slash what the convicting answer had earned, where its client has been refunded. All in
 * one statement, once for its key, however many settlers try. Undefined when there is none. Throws what the database
 * throws.
 */
export async function payLiftedSlash(db: Database): Promise<LiftedPaid | undefined> {
  const [row] = resultSchema.parse(await askRows(db, PAY))
  if (row === undefined) return undefined
  const [lease, provider, msat] = row
  return { lease, provider, msat }
}

/**
 * The posting is `slashLifted`'s, of what the journal says was taken; the conformance suite compares. An answer that was
 * not refunded yet when its slash was lifted needs nothing: its audit fails no more, and it is released like any. One that
 * another slash has undone stays undone.
 */
const PAY = sql`
  with lifted as materialized (
    select slashes.lease, slashes.provider_id as provider, -taken.amount_msat as net
    from slashes
    join journal as verdict on verdict.key = 'ver:' || slashes.lease and verdict.kind = 'verdict_bad'
    join ledger_accounts as pending on pending.code = 'provider_pending:' || slashes.provider_id
    join entries as taken on taken.journal_id = verdict.id and taken.account_id = pending.id
    where slashes.state = 'lifted'
      and not exists (select from journal as paid where paid.key = 'lift:' || slashes.lease)
      -- A lease begins with the id of its job.
      and not exists (
        select from jobs
        where jobs.id = split_part(slashes.lease, '.', 1) and jobs.lease = slashes.lease and jobs.slash_id is not null
      )
      and not exists (
        select from earlier_parts as part where part.lease = slashes.lease and part.slash_id is not null
      )
    order by slashes.decided_at limit 1
  )
  select lease, provider, net from lifted
  where post(
    'lift:' || lease, 'slash_lifted', clock_timestamp(),
    array['equity:operator', 'provider:' || provider], array[-net, net]
  )`
