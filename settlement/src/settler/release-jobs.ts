import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, type Database } from '../db/database.ts'

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
 * Makes payable what providers earned with the oldest `limit` captured jobs that wait for no audit, gives
 * back what an audit has found wrong, and notes that on the jobs, all of it or nothing. `skip` are ids that are left alone. Throws what the database throws; DbError when one of
 * the jobs is not as it was captured.
 */
export async function releaseJobs(
  db: Database,
  limit: number,
  skip: readonly string[] = [],
): Promise<Released> {
  const rows = await askRows(db, release(Math.min(limit, MAX_RELEASED_JOBS), JSON.stringify(skip)))
  const [[jobs, msat]] = resultSchema.parse(rows)
  return { jobs, msat }
}

const firstSchema = z.array(z.tuple([z.string()])).max(1)

/** The job that would be released next. */
export async function nextUnreleased(
  db: Database,
  skip: readonly string[],
): Promise<string | undefined> {
  const rows = await askRows(
    db,
    sql`select id from jobs where ${unreleased(JSON.stringify(skip))} order by id limit 1`,
  )
  return firstSchema.parse(rows)[0]?.[0]
}

const unreleased = (skip: string) => sql`
  cost_msat > 0 and released_at is null
    and id <> all (array(select jsonb_array_elements_text(${skip}::jsonb)))
    and (held_until is null or held_until <= clock_timestamp() or exists (
      select from audits where audits.lease = jobs.lease
    ))`

/**
 * The postings are those of `verdictOk`, for a lease whose audit has failed of `verdictBad`, and the legs those
 * of the capture (`writeEvents` in `edge/src/db/ledger-events.ts`); the conformance suite compares. A leg whose
 * lease was judged before, good or bad, or that no provider gave, moves nothing. What a client gets back its
 * live balance is told by the settler, as everything that is posted for it.
 */
const release = (limit: number, skip: string) => sql`
  with job as materialized (
    select id, account_id, provider_id, lease, prior_legs, cost_msat, fee_bps from jobs
    where ${unreleased(skip)}
    order by id limit ${limit}
    for update skip locked
  ), prior_leg as (
    select id, leg."lease", leg."providerId" as provider, leg."costMsat" as gross, fee_bps, account_id
    from job
    cross join jsonb_to_recordset(coalesce(prior_legs, '[]')) as leg("lease" text, "providerId" text, "costMsat" bigint)
  ), leg as (
    select * from prior_leg
    union all
    -- The last one has what the legs before it leave of the cost.
    select id, lease, provider_id,
      cost_msat - coalesce((select sum(gross) from prior_leg where prior_leg.id = job.id), 0)::bigint, fee_bps, account_id
    from job
  ), judged as (
    select distinct on (key) * from (
      select 'ver:' || lease as key, provider, gross, gross - platform_fee(gross, fee_bps) as net, account_id,
        exists (select from audits where audits.lease = leg.lease and verdict = 'fail') as is_bad
      from leg
    ) as leg
    where provider is not null and key is not null and gross > 0 and (net > 0 or is_bad)
      and not exists (select from journal where journal.key = leg.key)
    order by key
  ), event as (
    select *, row_number() over (order by key)::integer as n from judged
  ), line as (
    select n, 'provider_pending:' || provider as code, -net as amount from event where net > 0
    union all
    select n, 'provider:' || provider, net from event where not is_bad
    union all
    select n, owner_code(account_id), gross from event where is_bad
    union all
    select n, 'revenue:fee', net - gross from event where is_bad and net <> gross
  ), posted as (
    select post_all(
      (select array_agg(key order by n) from event),
      (select array_agg(case when is_bad then 'verdict_bad' else 'verdict_ok' end order by n) from event),
      (select array_agg(clock_timestamp() order by n) from event),
      (select array_agg(n order by n, code) from line),
      (select array_agg(code order by n, code) from line),
      (select array_agg(amount order by n, code) from line)
    )
    where exists (select from event)
  ), told as (
    insert into account_transfers (reference, account_id, amount_msat)
    select key, account_id, gross from event where is_bad
    on conflict (reference) do nothing
  ), released as (
    update jobs set released_at = clock_timestamp() from job where jobs.id = job.id returning jobs.id
  )
  select (select count(*) from released),
    -- Asking for what was posted is what makes it happen.
    (select coalesce(sum(net), 0) from event where not is_bad and exists (select from posted))`
