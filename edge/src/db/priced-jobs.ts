import { and, desc, eq, getTableColumns, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { AccountId, ApiKeyId, JobId, RequestId } from '@infernet/schemas/ids'
import { escrows, pricedJobs } from '@infernet/schemas/settlement-tables'
import {
  ask,
  askRows,
  type Database,
  iso,
  openDatabase,
  toJsonb,
} from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { PRICED_JOB_ENDPOINTS } from '@infernet/openai-compat/priced-job-endpoints'
import type {
  ClaimedJob,
  JobClaim,
  PricedJobDetail,
  PricedJobOrder,
  PricedJobStore,
  QuoteRoom,
  StoredPricedJob,
} from '../billing/priced-jobs-port.ts'
import { requestOf, storedOf, withMetadata } from './priced-job-rows.ts'

/** Rows that are over but do not say so, closed by each new quote: more than it adds. */
const CLOSED_PER_QUOTE = 10

/** {@link PricedJobStore} over any Postgres. `now` in ms since the epoch. */
export function postgresPricedJobs(port: DbPort, now: () => number): PricedJobStore {
  const db = openDatabase(port)
  return {
    quote: (order, room) => quote(db, order, room, iso(now())),
    isOrdered: (id, order) => isOrdered(db, id, order),
    find: (accountId, id) => find(db, accountId, id),
    listOf: (accountId, limit) => listOf(db, accountId, limit),
    claim: (id, claim) => take(db, id, claim),
    complete: (id, run, { provider, result }) =>
      truth(
        db,
        sql`
        with mine as (${ownRun(id, run)}), judged as (
          -- Whole or not at all: without a payment to take, the answer is not stored.
          update escrows set decision = jsonb_build_object(
            'kind', 'settle', 'feeBps', mine.fee_bps, 'legs', jsonb_build_array(
              jsonb_build_object('provider', ${provider}::text, 'gross', amount_msat::text)
            )
          )
          from mine
          where escrows.job = mine.id and escrows.state = 'accepted' and decision is null
          returning escrows.job
        ), moved as (
          update priced_jobs set state = 'completed', provider_id = ${provider}, result = ${storable(result)},
            finished_at = ${iso(now())}::timestamptz
          from judged where priced_jobs.id = judged.job
          returning true
        )
        select exists (select from moved) or exists (${ended(id, run, 'completed')})`,
      ),
    fail: (id, run, error) =>
      truth(
        db,
        sql`
        with mine as (${ownRun(id, run)}), judged as (
          ${cancel('bad_verdict')} from mine where escrows.job = mine.id and ${UNDECIDED}
        ), moved as (
          update priced_jobs set state = 'failed', error = ${toJsonb(error)}::jsonb,
            finished_at = ${iso(now())}::timestamptz
          from mine where priced_jobs.id = mine.id
          returning true
        )
        select exists (select from moved) or exists (${ended(id, run, 'failed')})`,
      ),
    withdraw: (accountId, id) => withdraw(db, accountId, id, iso(now())),
  }
}

const UNDECIDED = sql`decision is null and escrows.state not in ('settled', 'cancelled')`

const cancel = (reason: 'bad_verdict' | 'withdrawn') =>
  sql`update escrows set decision = jsonb_build_object('kind', 'cancel', 'reason', ${reason}::text)`

/** The job while it is this run's; nobody else can change it until the statement ends. */
const ownRun = (id: JobId, run: JobId) => sql`
  select id, fee_bps from priced_jobs
  where id = ${id} and claim = ${run} and state = 'running' for update`

/** The same was asked before, and its answer was lost. */
const ended = (id: JobId, run: JobId, state: 'completed' | 'failed') =>
  sql`select from priced_jobs where id = ${id} and claim = ${run} and state = ${state}`

const truthSchema = z.tuple([z.tuple([z.boolean()])])

async function truth(db: Database, statement: ReturnType<typeof sql>): Promise<boolean> {
  return truthSchema.parse(await askRows(db, statement))[0][0]
}

const quotedSchema = z.tuple([z.tuple([z.enum(['quoted', 'account_full', 'full'])])])

/** Two quotes at the same time may both be the last that had room; the settler's own limit is exact. */
async function quote(db: Database, order: PricedJobOrder, room: QuoteRoom, now: string) {
  const { id, accountId } = order
  const since = iso(room.since)
  const rows = await askRows(
    db,
    sql`
    with known as (
      select job.id, account_id, job.state, payment_hash is not null as has_escrow,
        case when payment_hash is null then job.state = 'running' or job.created_at > ${since}::timestamptz
          else escrows.state not in ('settled', 'cancelled') end as alive
      from priced_jobs as job left join escrows on escrows.job = job.id
      where job.state in ('quoted', 'running')
    ), closed as (
      update priced_jobs set state = 'withdrawn', finished_at = ${now}::timestamptz
      where id in (
        select priced_jobs.id from priced_jobs join known on known.id = priced_jobs.id
        where not alive and priced_jobs.id <> ${id}
        order by priced_jobs.id limit ${CLOSED_PER_QUOTE} for update of priced_jobs skip locked
      ) and state in ('quoted', 'running')
    ), room as (
      select
        (select count(*) from known where alive and account_id = ${accountId}) < ${room.ofAccount}::int as of_account,
        (select count(*) from escrows where state not in ('settled', 'cancelled'))
          + (select count(*) from known where alive and not has_escrow) < ${room.ofAll}::int as of_all
    ), added as (
      insert into priced_jobs (
        id, account_id, api_key_id, request_id, endpoint, model, request, price_msat, fee_bps, created_at
      )
      select ${id}, ${accountId}, ${order.apiKeyId}, ${order.requestId}, ${order.endpoint}, ${order.model},
        ${storable(withMetadata(order))}, ${String(order.priceMsat)}::bigint, ${order.feeBps}::int,
        ${iso(order.createdAt)}::timestamptz
      from room where of_account and of_all
      on conflict (id) do nothing
      returning true
    )
    select case
      when exists (select from added) or exists (select from priced_jobs where id = ${id}) then 'quoted'
      when not of_account then 'account_full' else 'full' end
    from room`,
  )
  return quotedSchema.parse(rows)[0][0]
}

const sameSchema = z.array(z.tuple([z.boolean()])).max(1)

async function isOrdered(
  db: Database,
  id: JobId,
  order: Pick<PricedJobOrder, 'endpoint' | 'request' | 'metadata'>,
): Promise<boolean | undefined> {
  const rows = await askRows(
    db,
    sql`
    select endpoint = ${order.endpoint} and request = ${storable(withMetadata(order))}
    from priced_jobs where id = ${id}`,
  )
  return sameSchema.parse(rows)[0]?.[0]
}

const { request: _request, result: _result, ...COLUMNS } = getTableColumns(pricedJobs)
const SUMMARY = { ...COLUMNS, metadata: sql<string>`split_part(${pricedJobs.request}, chr(10), 2)` }
const ESCROW_OF_JOB = and(eq(escrows.job, pricedJobs.id), eq(escrows.attempt, 0))

async function find(
  db: Database,
  accountId: AccountId,
  id: JobId,
): Promise<PricedJobDetail | undefined> {
  const [row] = await ask(
    db
      .select({ job: SUMMARY, result: pricedJobs.result, escrow: escrows })
      .from(pricedJobs)
      .leftJoin(escrows, ESCROW_OF_JOB)
      .where(and(eq(pricedJobs.accountId, accountId), eq(pricedJobs.id, id))),
  )
  return row && { ...storedOf(row.job, row.escrow), result: row.result ?? undefined }
}

async function listOf(
  db: Database,
  accountId: AccountId,
  limit: number,
): Promise<StoredPricedJob[]> {
  const rows = await ask(
    db
      .select({ job: SUMMARY, escrow: escrows })
      .from(pricedJobs)
      .leftJoin(escrows, ESCROW_OF_JOB)
      .where(eq(pricedJobs.accountId, accountId))
      .orderBy(desc(pricedJobs.createdAt), desc(pricedJobs.id))
      .limit(limit),
  )
  return rows.map(({ job, escrow }) => storedOf(job, escrow))
}

async function take(
  db: Database,
  id: JobId,
  { run, now, until }: JobClaim,
): Promise<ClaimedJob | undefined> {
  const rows = await askRows(
    db,
    sql`
    with closed as (
      ${cancel('withdrawn')} from priced_jobs as job
      where job.id = ${id} and escrows.job = job.id and job.state in ('failed', 'withdrawn') and ${UNDECIDED}
    ), taken as (
      update priced_jobs set state = 'running', claim = ${run}, claimed_until = ${iso(until)}::timestamptz
      where id = ${id} and (
        state = 'quoted' or state = 'running' and (claim = ${run} or claimed_until <= ${iso(now)}::timestamptz)
      ) and exists (select from escrows where job = ${id} and state = 'accepted' and decision is null)
      returning *
    )
    select account_id, api_key_id, request_id, endpoint, model, request, price_msat, fee_bps,
      extract(epoch from created_at) * 1000
    from taken`,
  )
  const [row] = z.array(claimedSchema).max(1).parse(rows)
  if (row === undefined) return undefined
  const [accountId, apiKeyId, requestId, endpoint, model, text, priceMsat, feeBps, createdAt] = row
  return {
    id,
    run,
    accountId: accountId as AccountId,
    apiKeyId: apiKeyId as ApiKeyId,
    requestId: requestId as RequestId,
    endpoint,
    model,
    ...requestOf(text),
    priceMsat,
    feeBps,
    createdAt,
  }
}

const claimedSchema = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.enum(PRICED_JOB_ENDPOINTS),
  z.string(),
  z.string(),
  z.coerce.bigint(),
  z.int(),
  z.coerce.number(),
])

const withdrawnSchema = z.array(z.tuple([z.string().nullable()])).max(1)

async function withdraw(db: Database, accountId: AccountId, id: JobId, now: string) {
  const rows = await askRows(
    db,
    sql`
    with mine as (
      select id from priced_jobs
      where id = ${id} and account_id = ${accountId} and state in ('quoted', 'running') for update
    ), judged as (
      ${cancel('withdrawn')} from mine where escrows.job = mine.id and ${UNDECIDED}
    )
    update priced_jobs set state = 'withdrawn', finished_at = ${now}::timestamptz
    from mine where priced_jobs.id = mine.id
    returning claim`,
  )
  const [row] = withdrawnSchema.parse(rows)
  return row && { run: (row[0] ?? undefined) as JobId | undefined }
}

/** Postgres keeps no NUL in text; in JSON a raw one is no part of anything. */
const storable = (text: string): string => text.replaceAll('\0', '')
