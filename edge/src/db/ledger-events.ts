import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { LedgerBatch } from '@infernet/schemas/job-record'
import { askRows, jsonbText, toJsonb, type Database } from '@infernet/settlement/db/database'

/** Most events in one statement: some 660 KB of JSON, a quarter of a second on a busy Postgres. */
export const MAX_LEDGER_EVENTS = 1_000

const resultSchema = z.tuple([z.tuple([z.coerce.number().int()])])

/**
 * Posts an outbox's events to the journal, exactly once however often they are sent, with `feeBps` of
 * every job's cost for the platform. An event is known by its key (`cap:<job id>`, `grant:…`,
 * `inv:…`); only a new one adds its job row and its share of the hourly usage, and what was posted
 * before keeps the fee it was posted with. One statement, so all of it happens or none. Returns how
 * many events were new. Throws RangeError above {@link MAX_LEDGER_EVENTS}, and DbError: `LD002` for an
 * event that is known otherwise, `23514` for an account that cannot cover what it is charged.
 */
export async function writeLedgerEvents(
  db: Database,
  batch: LedgerBatch,
  feeBps: number,
): Promise<number> {
  const { deposits, records } = batch
  const events = deposits.length + records.length
  if (events > MAX_LEDGER_EVENTS) {
    throw new RangeError(`${events} events in one write, at most ${MAX_LEDGER_EVENTS}`)
  }
  if (events === 0) return 0
  const statement = writeEvents(toJsonb(deposits), jsonbText(`[${records.join(',')}]`), feeBps)
  const [[written]] = resultSchema.parse(await askRows(db, statement))
  return written
}

/**
 * The postings are those of `jobCaptured`, `topUpSettled` and `creditGranted` in
 * `settlement/src/ledger/`, written in SQL so that records go from SQLite to Postgres as the text they
 * are; the conformance suite compares the two. Rows are inserted in the order of their keys, so that
 * two writers never wait for each other in a circle. A released job moves no money: its row alone says
 * that it was here. What others gave before the last provider are rows of their own. Usage is summed from the job rows that were really inserted; an expired job never
 * was a request.
 */
const writeEvents = (deposits: string, records: string, feeBps: number) => sql`
  with job as (
    select distinct on ("id") * from jsonb_to_recordset(${records}::jsonb) as job(
      "id" text, "accountId" text, "apiKeyId" text, "requestId" text, "endpoint" text, "model" text,
      "generationId" text, "stream" boolean, "status" text, "errorCode" text, "finishReason" text, "providerId" text,
      "lease" text, "attempts" integer, "priorLegs" jsonb, "promptTokens" bigint, "completionTokens" bigint,
      "claimedTokens" bigint, "holdMsat" bigint, "costMsat" bigint, "createdAt" bigint,
      "firstByteMs" integer, "totalMs" integer, "heldUntil" bigint
    )
    order by "id"
  ), deposit as (
    -- Only a payment hash makes a top-up; whatever else an operator calls its credit is a grant.
    select distinct on (key) * from (
      select "accountId", "amountMsat", "at", "reference" ~ '^inv:[0-9a-f]{64}$' as is_topup,
        case when "reference" ~ '^inv:[0-9a-f]{64}$' then "reference"
          else 'grant:' || "accountId" || ':' || "reference" end as key
      from jsonb_to_recordset(${deposits}::jsonb) as deposit(
        "accountId" text, "reference" text, "amountMsat" bigint, "at" bigint
      )
    ) as deposit
    order by key
  ), captured as (
    -- A job that is known with this cost is left out: the fee may have changed since it was posted.
    -- Subqueries and no joins, which could be planned to read all that the account ever paid.
    select job.*, 'cap:' || "id" as key from job
    where "costMsat" > 0 and -"costMsat" is distinct from (
      select amount_msat from entries
      where journal_id = (select id from journal where key = 'cap:' || job."id")
        and account_id = (select id from ledger_accounts where code = owner_code(job."accountId"))
    )
  ), prior_leg as (
    select key, leg."providerId", leg."costMsat" as gross
    from captured
    cross join jsonb_to_recordset(coalesce("priorLegs", '[]')) as leg("providerId" text, "costMsat" bigint)
  ), leg as (
    select * from prior_leg
    union all
    -- The last one has what the legs before it leave of the cost.
    select key, "providerId",
      "costMsat" - coalesce((select sum(gross) from prior_leg where prior_leg.key = captured.key), 0)::bigint
    from captured
  ), event as (
    select key, kind, at, row_number() over (order by key)::integer as n
    from (
      select key, case when is_topup then 'topup' else 'grant' end as kind, "at" from deposit
      union all
      select key, 'capture', "createdAt" + "totalMs" from captured
    ) as event(key, kind, at)
  ), line as (
    select event.n, movement.code, sum(movement.amount)::bigint as amount
    from event
    join (
      select key, 'client:' || "accountId", "amountMsat" from deposit
      union all
      select key, case when is_topup then 'asset:ln' else 'equity:operator' end, -"amountMsat" from deposit
      union all
      select key, owner_code("accountId"), -"costMsat" from captured
      union all
      select key, coalesce('provider_pending:' || "providerId", 'suspense'), gross - platform_fee(gross, ${feeBps}::integer)
      from leg
      union all
      select key, 'revenue:fee', platform_fee(gross, ${feeBps}::integer) from leg
    ) as movement(key, code, amount) using (key)
    group by event.n, movement.code
    having sum(movement.amount) <> 0
  ), posted as (
    select unnest(post_all(
      (select array_agg(key order by n) from event),
      (select array_agg(kind order by n) from event),
      (select array_agg(to_timestamp(at / 1000.0) order by n) from event),
      (select array_agg(n order by n, code) from line),
      (select array_agg(code order by n, code) from line),
      (select array_agg(amount order by n, code) from line)
    )) as key
    where exists (select from event)
  ), new_job as (
    insert into jobs (
      id, account_id, api_key_id, request_id, endpoint, model, generation_id, stream, status, error_code, finish_reason,
      provider_id, lease, attempts, prior_legs, prompt_tokens, completion_tokens, claimed_tokens, hold_msat,
      cost_msat, fee_bps, created_at, first_byte_ms, total_ms, held_until
    )
    select
      job."id", job."accountId", job."apiKeyId", job."requestId",
      coalesce(job."endpoint", 'chat.completions'),
      job."model", job."generationId", job."stream",
      job."status", job."errorCode", job."finishReason", job."providerId", job."lease",
      job."attempts", nullif(job."priorLegs", '[]'::jsonb), job."promptTokens", job."completionTokens", job."claimedTokens",
      job."holdMsat", job."costMsat", ${feeBps}::integer, to_timestamp(job."createdAt" / 1000.0), job."firstByteMs",
      job."totalMs", to_timestamp(job."heldUntil" / 1000.0)
    from job
    left join posted on posted.key = 'cap:' || job."id"
    where job."costMsat" = 0 or posted.key is not null
    order by job."id"
    on conflict (id) do nothing
    returning *
  ), new_part as (
    insert into earlier_parts (
      lease, job_id, account_id, provider_id, model, cost_msat, fee_bps, created_at, held_until
    )
    select leg."lease", id, account_id, leg."providerId", model, leg."costMsat", fee_bps, created_at, held_until
    from new_job
    cross join jsonb_to_recordset(coalesce(prior_legs, '[]')) as leg("lease" text, "providerId" text, "costMsat" bigint)
    order by leg."lease"
    on conflict (lease) do nothing
  ), summed as (
    insert into usage as total (
      account_id, api_key_id, model, hour, requests, prompt_tokens, completion_tokens, cost_msat
    )
    select
      account_id, api_key_id, model, date_trunc('hour', created_at, 'UTC') as hour, count(*),
      sum(prompt_tokens), sum(completion_tokens), sum(cost_msat)
    from new_job
    where status <> 'expired'
    group by account_id, api_key_id, model, hour
    order by account_id, api_key_id, model, hour
    on conflict (account_id, api_key_id, model, hour) do update set
      requests = total.requests + excluded.requests,
      prompt_tokens = total.prompt_tokens + excluded.prompt_tokens,
      completion_tokens = total.completion_tokens + excluded.completion_tokens,
      cost_msat = total.cost_msat + excluded.cost_msat
  )
  select (select count(*) from new_job) + (select count(*) from posted join deposit using (key))`
