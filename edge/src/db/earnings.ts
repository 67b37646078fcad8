import { sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { PAYOUT_STATES } from '@infernet/schemas/payout-state'
import type { PeerId } from '@infernet/schemas/peer-id'
import { askRows, iso, openDatabase } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { frozen, JUDGED_WITHIN_MS } from '@infernet/settlement/settler/frozen'
import { OWN_PART } from '@infernet/settlement/settler/own-part'
import { DAY_MS, dayOf } from '../account/utc-day.ts'
import {
  EARNINGS_DAYS,
  MAX_EARNINGS_LINES,
  MAX_EARNINGS_PAYOUTS,
  type EarningsStore,
} from '../earnings/earnings-port.ts'
import { jsonDocument, standingSchema } from './json-document.ts'

/** {@link EarningsStore} over any Postgres. `now` in ms since the epoch. */
export function postgresEarnings(
  port: DbPort,
  now: () => number,
  maxLines = MAX_EARNINGS_LINES,
): EarningsStore {
  const db = openDatabase(port)
  return {
    earningsOf: async (provider) => {
      const [[found]] = rowsSchema.parse(await askRows(db, read(provider, now(), maxLines)))
      const { isFrozen, ...earnings } = found
      const held = isFrozen ? earnings.pendingMsat : earnings.heldMsat
      const heldMsat = held > earnings.pendingMsat ? earnings.pendingMsat : held
      return { ...earnings, heldMsat }
    },
  }
}

const amount = z.string().transform(BigInt)
const documentSchema = z.object({
  standing: standingSchema,
  isFrozen: z.boolean(),
  pendingMsat: amount,
  heldMsat: amount,
  payableMsat: amount,
  inFlightMsat: amount,
  paidMsat: amount,
  earnedMsat: amount,
  lostMsat: amount,
  jobs: z.number(),
  since: z.number().nullable(),
  days: z.array(
    z.object({ date: z.string(), jobs: z.number(), earnedMsat: amount, lostMsat: amount }),
  ),
  payouts: z.array(
    z.object({
      id: z.string(),
      amountMsat: amount,
      state: z.enum(PAYOUT_STATES),
      failure: z.string().nullable(),
      createdAt: z.number(),
      finishedAt: z.number().nullable(),
    }),
  ),
})
const rowsSchema = z.tuple([z.tuple([jsonDocument(documentSchema)])])

/**
 * One document. What was earned are the entries that the journal has for the provider, so that it is what its
 * balances are made of: parts of answers count as whole ones do. The latest lines are read, up to a bound.
 */
const read = (provider: PeerId, now: number, maxLines: number): SQL => sql`
  with line as materialized (
    select account.code, entry.amount_msat as amount, event.kind, event.at
    from ledger_accounts as account
    cross join lateral (
      select journal_id, amount_msat from entries
      where account_id = account.id order by journal_id desc limit ${maxLines}::int
    ) as entry
    -- By its key, line by line: a join may be planned to read the whole journal.
    cross join lateral (select kind, at from journal where id = entry.journal_id offset 0) as event
    where account.code in (${`provider_pending:${provider}`}::text, ${`provider:${provider}`}::text)
  ), moved as (
    select at,
      (kind in ('capture', 'escrow_paid'))::int as jobs,
      case when kind in ('capture', 'escrow_paid', 'slash_lifted') then amount else 0 end as earned,
      case when kind in ('verdict_bad', 'verdict_forfeited') then -amount else 0 end as lost
    from line
    where kind in
      ('capture', 'escrow_paid', 'verdict_bad', 'verdict_forfeited', 'slash_lifted')
  ), day as (
    select (at at time zone 'UTC')::date as date, sum(jobs) as jobs, sum(earned) as earned, sum(lost) as lost
    from moved where at >= ${time(firstDay(now))} group by 1
  ), payout as materialized (
    select id, amount_msat, state, failure, created_at, finished_at from payouts
    where owner = ${`provider:${provider}`}::text order by created_at desc limit ${maxLines}::int
  )
  select jsonb_build_object(
    'standing', coalesce((select standing from provider_conduct where provider_id = ${provider}::text), 'clear'),
    -- Of what nobody looked at nothing is released.
    'isFrozen', ${frozen(sql`${provider}::text`, sql`standing <> 'clear'`, time(now))},
    'pendingMsat', ${balance(`provider_pending:${provider}`)},
    'payableMsat', ${balance(`provider:${provider}`)},
    'heldMsat', (${held(provider, now)})::text,
    'inFlightMsat', (select coalesce(sum(amount_msat), 0)::text from payout where state in ('open', 'paying')),
    'paidMsat', (select coalesce(sum(amount_msat), 0)::text from payout where state = 'succeeded'),
    'earnedMsat', (select coalesce(sum(earned), 0)::text from moved),
    'lostMsat', (select coalesce(sum(lost), 0)::text from moved),
    'jobs', (select coalesce(sum(jobs), 0) from moved),
    'since', (select max(since) from (${capped(maxLines)}) as cut),
    'days', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'date', date, 'jobs', jobs, 'earnedMsat', earned::text, 'lostMsat', lost::text
      ) order by date desc), '[]') from day
    ),
    'payouts', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', id, 'amountMsat', amount_msat::text, 'state', state, 'failure', failure,
        'createdAt', ${ms('created_at')}, 'finishedAt', ${ms('finished_at')}
      ) order by created_at desc), '[]')
      from (select * from payout order by created_at desc limit ${MAX_EARNINGS_PAYOUTS}::int) as latest
    )
  )`

/** When the first of the days began that are told one by one. */
const firstDay = (now: number): number => (dayOf(now) - EARNINGS_DAYS + 1) * DAY_MS

const time = (ms: number): SQL => sql`${iso(ms)}::timestamptz`

const ms = (time: string): SQL => sql.raw(`floor(extract(epoch from ${time}) * 1000)::bigint`)

const balance = (code: string): SQL =>
  sql`coalesce((select balance::text from ledger_accounts where code = ${code}::text), '0')`

/** Where as much was read as may be: since when that is. */
const capped = (maxLines: number): SQL => sql`
  select ${ms('min(at)')} as since from line group by code having count(*) >= ${maxLines}::int
  union all
  select ${ms('min(created_at)')} from payout having count(*) >= ${maxLines}::int`

/**
 * Its own part of answers that are being audited, or that a slash has taken. Selects of their own, each with an index
 * that is for it.
 */
const held = (provider: PeerId, now: number): SQL => {
  const isOwn = sql`provider_id = ${provider}::text and cost_msat > 0 and released_at is null`
  const isAudited = sql`slash_id is null and held_until > ${time(now)}
    and created_at > ${time(now - JUDGED_WITHIN_MS)}`
  return sql`
  select coalesce(sum(gross - platform_fee(gross, fee_bps)), 0) from (
    select fee_bps, ${OWN_PART} as gross from jobs where ${isOwn} and ${isAudited}
    union all
    select fee_bps, ${OWN_PART} from jobs where ${isOwn} and slash_id is not null
    union all
    select fee_bps, cost_msat from earlier_parts where ${isOwn} and (slash_id is not null or (${isAudited}))
  ) as part`
}
