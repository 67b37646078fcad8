import { sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import type { HoldbackPolicy } from '@infernet/verification/reputation/holdback'
import { askRows, type Database } from '../db/database.ts'
import { frozen, JUDGED_WITHIN_MS } from './frozen.ts'
import { OWN_PART } from './own-part.ts'
import { PART_TABLES, ReleaseSweep, type PartTable } from './release-sweep.ts'

/** Parts of answers released by one statement: some 1,500 entries, a tenth of a second. */
export const MAX_RELEASED_PARTS = 500

const resultSchema = z.tuple([z.tuple([z.coerce.number().int(), z.coerce.bigint()])])

/** What was released. */
export interface Released {
  /** Of answers: what one provider gave is one. */
  readonly parts: number
  /** What has become payable. */
  readonly msat: bigint
}

/**
 * Makes payable what providers earned with the oldest `limit` captured parts of answers that may be released, gives
 * back what an audit has found wrong or a slash undoes, and notes that on them. Each part goes by its own audit and
 * its own provider, whoever gave the others. Two statements, each all of it or nothing: what was judged does not wait
 * for what only time decides, and of that a call looks at a stretch ({@link ReleaseSweep}), as a rule the first. `skip`
 * are keys ({@link nextUnreleased}) that are left alone. Throws what the database throws; DbError when one of the parts
 * is not as it was captured.
 */
export async function releaseParts(
  db: Database,
  limit: number,
  policy: HoldbackPolicy,
  skip: readonly string[] = [],
  sweep = new ReleaseSweep(),
): Promise<Released> {
  const most = Math.min(limit, MAX_RELEASED_PARTS)
  const left = JSON.stringify(skip)
  const decided = await released(db, most, judged(most, left))
  const rest = most - decided.parts
  if (rest === 0) return decided
  await sweep.begin(db, oldest(policy))
  const waited = await released(db, rest, seasoned(rest, policy, left, sweep))
  if (waited.parts < rest) sweep.goOn()
  return { parts: decided.parts + waited.parts, msat: decided.msat + waited.msat }
}

async function released(db: Database, limit: number, ready: SQL): Promise<Released> {
  const [[parts, msat]] = resultSchema.parse(await askRows(db, release(limit, ready)))
  return { parts, msat }
}

const firstSchema = z.array(z.tuple([z.string()])).max(1)

/** The key of the part that would be released next, in the stretch that was looked at: the id of the job that it ended, or its lease. */
export async function nextUnreleased(
  db: Database,
  policy: HoldbackPolicy,
  skip: readonly string[],
  sweep = new ReleaseSweep(),
): Promise<string | undefined> {
  const left = JSON.stringify(skip)
  for (const ready of [judged(1, left), seasoned(1, policy, left, sweep)]) {
    const [row] = firstSchema.parse(
      await askRows(db, sql`select key from (${ready}) as ready order by key limit 1`),
    )
    if (row !== undefined) return row[0]
  }
  return undefined
}

/** Those of each table, and of each kind the `limit` oldest: key, and whether another provider ended the answer. */
const each = (kinds: (of: PartTable) => readonly SQL[]): SQL =>
  sql.join(
    PART_TABLES.flatMap((of) => kinds(of)),
    sql` union `,
  )

const pick = (
  { name, key, isEarlier }: PartTable,
  { limit, skip, what, from = sql`` }: { limit: number; skip: string; what: SQL; from?: SQL },
): SQL => sql`
    (select ${key} as key, ${isEarlier} as is_earlier from ${sql.raw(name)} as part ${from}
      where cost_msat > 0 and released_at is null
        and ${key} <> all (array(select jsonb_array_elements_text(${skip}::jsonb))) and ${what}
      order by ${key} limit ${literal(limit)})`

/** So long a settler may have been away, and clients get back at once what they are owed. */
const FAILED_WITHIN = '90 days'

/**
 * What a verdict or a slash has decided. Numbers are literals, for a planner that does not know them reads all the
 * jobs there are.
 */
const judged = (limit: number, skip: string): SQL =>
  each((of) => [
    pick(of, { limit, skip, what: sql`slash_id is not null` }),
    pick(of, {
      limit,
      skip,
      from: sql`join audits on audits.job_id = ${of.job} and audits.lease = part.lease`,
      what: sql`verdict = 'fail' and judged_at > now() - interval ${sql.raw(`'${FAILED_WITHIN}'`)}`,
    }),
    // Who is only watched is paid for what was found good.
    pick(of, {
      limit,
      skip,
      what: sql`held_until is not null and slash_id is null
        and ${of.key} > ${idAt(JUDGED_WITHIN_MS)}
        and (select verdict from audits where audits.lease = part.lease) = 'pass'
        and not ${isFrozen(sql`standing not in ('clear', 'watched')`)}`,
    }),
  ])

/** What keys of parts are below that have waited long enough. */
const oldest = ({ holdMs }: Pick<HoldbackPolicy, 'holdMs'>): SQL => sql`${idAt(holdMs)} || 'g'`

/** What nobody looked at, and has waited long enough. What waits is not read, for it is the latest. */
const seasoned = (
  limit: number,
  { holdMs, newcomerHoldMs, newcomerMs }: HoldbackPolicy,
  skip: string,
  sweep: ReleaseSweep,
): SQL =>
  each((of) => [
    pick(of, {
      limit,
      skip,
      what: sql`slash_id is null
        and ${of.key} < ${oldest({ holdMs })} and ${sweep.has(of)}
        and (held_until is null or held_until <= now())
        and not ${isFrozen(sql`standing <> 'clear'`)}
        -- Every second job stands for the second half of what a newcomer earns: \`releasableMsat\` of verification.
        and not (
          right(${of.job}, 1) in ('1', '3', '5', '7', '9', 'b', 'd', 'f')
          and created_at > now() - ${literal(newcomerHoldMs)} * interval '1 millisecond'
          and exists (
            select from providers
            where providers.id = part.provider_id
              and part.created_at < first_seen_at + ${literal(newcomerMs)} * interval '1 millisecond'
          ))`,
    }),
  ])

const literal = (whole: number) => sql.raw(`${BigInt(whole)}::bigint`)

/** What keys begin with that were made `ms` ago. */
const idAt = (ms: number) =>
  sql`'job_' || lpad(to_hex((extract(epoch from now()) * 1000)::bigint - ${literal(ms)}), 12, '0')`

/** Of the part's provider, now. */
const isFrozen = (isBad: SQL) => frozen(sql`part.provider_id`, isBad, sql`now()`)

/**
 * The postings are those of `verdictOk`; of `verdictBad` for a lease whose audit has failed, or that a slash undoes; of
 * `verdictForfeited` for what a slash takes beside. The parts are those of the capture (`writeEvents` in
 * `edge/src/db/ledger-events.ts`); the conformance suite compares. A part that was judged before, good or bad, or
 * that no provider gave, moves nothing. What a client gets back its live balance is told by the settler, as everything
 * that is posted for it.
 */
const release = (limit: number, ready: SQL) => sql`
  with due as materialized (
    select key, is_earlier from (${ready}) as ready order by key limit ${literal(limit)}
  ), ended as materialized (
    select id, lease, provider_id, account_id, ${OWN_PART} as gross, fee_bps, slash_id, is_forfeit from jobs
    where id = any (array(select key from due where not is_earlier)) and released_at is null
    order by id
    for update skip locked
  ), earlier as materialized (
    select lease, provider_id, account_id, cost_msat as gross, fee_bps, slash_id, is_forfeit from earlier_parts
    where lease = any (array(select key from due where is_earlier)) and released_at is null
    order by lease
    for update skip locked
  ), judged as (
    select distinct on (key) * from (
      select 'ver:' || lease as key, provider_id as provider, gross, gross - platform_fee(gross, fee_bps) as net,
        account_id,
        case
          when exists (select from audits where audits.lease = part.lease and verdict = 'fail') then 'bad'
          when slash_id is null then 'ok'
          when is_forfeit then 'forfeited'
          else 'bad'
        end as verdict
      from (
        select lease, provider_id, account_id, gross, fee_bps, slash_id, is_forfeit from ended
        union all
        select * from earlier
      ) as part
    ) as part
    where provider is not null and key is not null and gross > 0 and (net > 0 or verdict = 'bad')
      and not exists (select from journal where journal.key = part.key)
    order by key
  ), event as (
    select *, row_number() over (order by key)::integer as n from judged
  ), line as (
    select n, 'provider_pending:' || provider as code, -net as amount from event where net > 0
    union all
    select n, 'provider:' || provider, net from event where verdict = 'ok'
    union all
    select n, 'revenue:slash', net from event where verdict = 'forfeited'
    union all
    select n, owner_code(account_id), gross from event where verdict = 'bad'
    union all
    select n, 'revenue:fee', net - gross from event where verdict = 'bad' and net <> gross
  ), posted as (
    select post_all(
      (select array_agg(key order by n) from event),
      (select array_agg('verdict_' || verdict order by n) from event),
      (select array_agg(clock_timestamp() order by n) from event),
      (select array_agg(n order by n, code) from line),
      (select array_agg(code order by n, code) from line),
      (select array_agg(amount order by n, code) from line)
    )
    where exists (select from event)
  ), told as (
    insert into account_transfers (reference, account_id, amount_msat)
    select key, account_id, gross from event where verdict = 'bad'
    on conflict (reference) do nothing
  ), released_jobs as (
    update jobs set released_at = clock_timestamp() from ended where jobs.id = ended.id returning jobs.id
  ), released_parts as (
    update earlier_parts as part set released_at = clock_timestamp()
    from earlier where part.lease = earlier.lease returning part.lease
  )
  select (select count(*) from released_jobs) + (select count(*) from released_parts),
    -- Asking for what was posted is what makes it happen.
    (select coalesce(sum(net), 0) from event where verdict = 'ok' and exists (select from posted))`
