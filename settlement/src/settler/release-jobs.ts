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
 * Makes payable what providers earned with the oldest `limit` captured jobs, and notes that on the jobs, all
 * of it or nothing. `skip` are ids that are left alone. Throws what the database throws; DbError when one of
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
    and id <> all (array(select jsonb_array_elements_text(${skip}::jsonb)))`

/**
 * The postings are those of `verdictOk`, and the legs those of the capture (`writeEvents` in
 * `edge/src/db/ledger-events.ts`); the conformance suite compares. A leg whose lease was judged before, good
 * or bad, or that no provider gave, moves nothing.
 */
const release = (limit: number, skip: string) => sql`
  with job as materialized (
    select id, provider_id, lease, prior_legs, cost_msat, fee_bps from jobs
    where ${unreleased(skip)}
    order by id limit ${limit}
    for update skip locked
  ), prior_leg as (
    select id, leg."lease", leg."providerId" as provider, leg."costMsat" as gross, fee_bps
    from job
    cross join jsonb_to_recordset(coalesce(prior_legs, '[]')) as leg("lease" text, "providerId" text, "costMsat" bigint)
  ), leg as (
    select * from prior_leg
    union all
    -- The last one has what the legs before it leave of the cost.
    select id, lease, provider_id,
      cost_msat - coalesce((select sum(gross) from prior_leg where prior_leg.id = job.id), 0)::bigint, fee_bps
    from job
  ), earned as (
    select distinct on (key) key, provider, net
    from (select 'ver:' || lease as key, provider, gross - platform_fee(gross, fee_bps) as net from leg) as leg
    where provider is not null and key is not null and net > 0
      and not exists (select from journal where journal.key = leg.key)
    order by key
  ), event as (
    select key, provider, net, row_number() over (order by key)::integer as n from earned
  ), line as (
    select n, 'provider_pending:' || provider as code, -net as amount from event
    union all
    select n, 'provider:' || provider, net from event
  ), posted as (
    select post_all(
      (select array_agg(key order by n) from event),
      (select array_agg('verdict_ok'::text order by n) from event),
      (select array_agg(clock_timestamp() order by n) from event),
      (select array_agg(n order by n, code) from line),
      (select array_agg(code order by n, code) from line),
      (select array_agg(amount order by n, code) from line)
    )
    where exists (select from event)
  ), released as (
    update jobs set released_at = clock_timestamp() from job where jobs.id = job.id returning jobs.id
  )
  select (select count(*) from released),
    -- Asking for what was posted is what makes it happen.
    (select coalesce(sum(net), 0) from event where exists (select from posted))`
