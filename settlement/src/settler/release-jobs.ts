import { sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import type { HoldbackPolicy } from '@infernet/verification/reputation/holdback'
import { askRows, type Database } from '../db/database.ts'
import { frozen, JUDGED_WITHIN_MS } from './frozen.ts'

/** Jobs released by one statement: some 1,500 entries, a tenth of a second. */
export const MAX_RELEASED_JOBS = 500

const resultSchema = z.tuple([z.tuple([z.coerce.number().int(), z.coerce.bigint()])])

/** What one statement has released. */
export interface Released {
  readonly jobs: number
  /** What has become payable. */
  readonly msat: bigint
}

/**
 * Makes payable what providers earned with the oldest `limit` captured jobs that may be released, gives back what
 * an audit has found wrong or a slash undoes, and notes that on the jobs, all of it or nothing. A verdict on an
 * answer is one on its last part: what others gave before it waits its own time, and is released by a later call.
 * `skip` are ids that are left alone. Throws what the database throws; DbError when one of the jobs is not as it was
 * captured.
 */
export async function releaseJobs(
  db: Database,
  limit: number,
  policy: HoldbackPolicy,
  skip: readonly string[] = [],
): Promise<Released> {
  const most = Math.min(limit, MAX_RELEASED_JOBS)
  const rows = await askRows(db, release(most, ready(most, policy, JSON.stringify(skip))))
  const [[jobs, msat]] = resultSchema.parse(rows)
  return { jobs, msat }
}

const firstSchema = z.array(z.tuple([z.string()])).max(1)

/** The job that would be released next. */
export async function nextUnreleased(
  db: Database,
  policy: HoldbackPolicy,
  skip: readonly string[],
): Promise<string | undefined> {
  const rows = await askRows(
    db,
    sql`select id from (${ready(1, policy, JSON.stringify(skip))}) as ready order by id limit 1`,
  )
  return firstSchema.parse(rows)[0]?.[0]
}

/** So long a settler may have been away, and clients get back at once what they are owed. */
const FAILED_WITHIN = '90 days'

/**
 * Ids of jobs that may be released, of each kind the `limit` oldest, and whether they may as a whole. Numbers are literals, for a planner that does not
 * know them reads all the jobs there are; and ids begin with the time, so that of those that wait none is read.
 */
function ready(
  limit: number,
  { holdMs, newcomerHoldMs, newcomerMs }: HoldbackPolicy,
  skip: string,
) {
  const unreleased = sql`cost_msat > 0 and released_at is null
    and id <> all (array(select jsonb_array_elements_text(${skip}::jsonb)))`
  const pick = (isWhole: boolean, what: SQL) => sql`
    (select id, ${isWhole}::boolean as is_whole from jobs
      where ${unreleased} and ${what} order by id limit ${literal(limit)})`
  return sql`
    select id, bool_or(is_whole) as is_whole from (
      ${pick(false, sql`slash_id is not null and last_part_at is null`)}
      union all
      (select jobs.id, false from audits join jobs on jobs.id = audits.job_id and jobs.lease = audits.lease
        where verdict = 'fail' and judged_at > now() - interval ${sql.raw(`'${FAILED_WITHIN}'`)}
          and last_part_at is null and ${unreleased}
        order by jobs.id limit ${literal(limit)})
      union all
      -- Who is only watched is paid for what was found good.
      ${pick(
        false,
        sql`held_until is not null and slash_id is null and last_part_at is null
          and id > ${idAt(JUDGED_WITHIN_MS)}
          and (select verdict from audits where audits.lease = jobs.lease) = 'pass'
          and not ${frozen(sql`jobs.provider_id`, sql`standing not in ('clear', 'watched')`, NOW)}`,
      )}
      union all
      ${pick(
        true,
        sql`(last_part_at is not null or (slash_id is null and (held_until is null or held_until <= now())))
          and id < ${idAt(holdMs)} || 'g'
          and not exists (
            select from ${WAITING} where ${frozen(sql`part.provider`, sql`standing <> 'clear'`, NOW)}
          )
          -- Every second job stands for the second half of what a newcomer earns: \`releasableMsat\` of verification.
          and not (
            right(id, 1) in ('1', '3', '5', '7', '9', 'b', 'd', 'f')
            and created_at > now() - ${literal(newcomerHoldMs)} * interval '1 millisecond'
            and exists (
              select from ${WAITING} join providers on providers.id = part.provider
              where jobs.created_at < first_seen_at + ${literal(newcomerMs)} * interval '1 millisecond'
            ))`,
      )}
    ) as part group by id`
}

const NOW = sql`now()`

/** Of a row of `jobs`: whose parts of the answer wait. */
const WAITING = sql`(
    select jobs.provider_id where jobs.last_part_at is null
    union all
    select leg ->> 'providerId' from jsonb_array_elements(jobs.prior_legs) as leg
  ) as part(provider)`

const literal = (whole: number) => sql.raw(`${BigInt(whole)}::bigint`)

/** What ids begin with that were made `ms` ago. */
const idAt = (ms: number) =>
  sql`'job_' || lpad(to_hex((extract(epoch from now()) * 1000)::bigint - ${literal(ms)}), 12, '0')`

/**
 * The postings are those of `verdictOk`; of `verdictBad` for a lease whose audit has failed, or that a slash undoes; of
 * `verdictForfeited` for what a slash takes beside. The legs are those of the capture (`writeEvents` in
 * `edge/src/db/ledger-events.ts`); the conformance suite compares. A leg whose lease was judged before, good or bad, or
 * that no provider gave, moves nothing. What a client gets back its live balance is told by the settler, as everything
 * that is posted for it.
 */
const release = (limit: number, ready: SQL) => sql`
  with ready as materialized (${ready}), locked as materialized (
    select id, account_id, provider_id, lease, prior_legs, cost_msat, fee_bps, slash_id, is_forfeit, last_part_at
    from jobs
    where id = any (array(select id from ready order by id limit ${literal(limit)})) and released_at is null
      -- Another settler may have seen to the last part meanwhile.
      and (last_part_at is null or id = any (array(select id from ready where is_whole)))
    order by id
    for update skip locked
  ), job as (
    select locked.*, ready.is_whole or prior_legs is null as is_whole from locked join ready using (id)
  ), prior_leg as (
    select id, is_whole, leg."lease", leg."providerId" as provider, leg."costMsat" as gross, fee_bps, account_id,
      slash_id, is_forfeit
    from job
    cross join jsonb_to_recordset(coalesce(prior_legs, '[]')) as leg("lease" text, "providerId" text, "costMsat" bigint)
  ), leg as (
    select id, lease, provider, gross, fee_bps, account_id, slash_id, is_forfeit from prior_leg where is_whole
    union all
    -- The last one has what the legs before it leave of the cost.
    select id, lease, provider_id,
      cost_msat - coalesce((select sum(gross) from prior_leg where prior_leg.id = job.id), 0)::bigint, fee_bps, account_id,
      slash_id, is_forfeit
    from job where last_part_at is null
  ), judged as (
    select distinct on (key) * from (
      select 'ver:' || lease as key, provider, gross, gross - platform_fee(gross, fee_bps) as net, account_id,
          case
          when exists (select from audits where audits.lease = leg.lease and verdict = 'fail') then 'bad'
          when slash_id is null or not exists (
            select from slashes where slashes.id = slash_id and slashes.provider_id = leg.provider
          ) then 'ok'
          when is_forfeit then 'forfeited'
          else 'bad'
        end as verdict
      from leg
    ) as leg
    where provider is not null and key is not null and gross > 0 and (net > 0 or verdict = 'bad')
      and not exists (select from journal where journal.key = leg.key)
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
  ), released as (
    update jobs set last_part_at = coalesce(jobs.last_part_at, clock_timestamp()),
      released_at = case when job.is_whole then clock_timestamp() end
    from job where jobs.id = job.id returning jobs.id
  )
  select (select count(*) from released),
    -- Asking for what was posted is what makes it happen.
    (select coalesce(sum(net), 0) from event where verdict = 'ok' and exists (select from posted))`
