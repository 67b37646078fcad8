import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { LedgerBatch } from '@infernet/schemas/job-record'
import { askRows, jsonbText, toJsonb, type Database } from './database.ts'

/** Most events in one statement: some 660 KB of JSON, 50 ms of Postgres. */
export const MAX_LEDGER_EVENTS = 1_000

const resultSchema = z.tuple([z.tuple([z.coerce.number().int()])])

/**
 * Writes an outbox's events, exactly once however often they are sent: an event is known by its
 * account and idempotency key (`deposit:<reference>` or `job:<job id>`), and only a new one adds its
 * job row and its share of the hourly usage. One statement, so all of it happens or none. Returns how
 * many events were new. Throws RangeError above {@link MAX_LEDGER_EVENTS}.
 */
export async function writeLedgerEvents(db: Database, batch: LedgerBatch): Promise<number> {
  const { deposits, records } = batch
  const events = deposits.length + records.length
  if (events > MAX_LEDGER_EVENTS) {
    throw new RangeError(`${events} events in one write, at most ${MAX_LEDGER_EVENTS}`)
  }
  if (events === 0) return 0
  const statement = writeEvents(toJsonb(deposits), jsonbText(`[${records.join(',')}]`))
  const [[written]] = resultSchema.parse(await askRows(db, statement))
  return written
}

/**
 * What a balance changed by: a deposit adds, a capture takes, a release moves nothing. Rows are
 * inserted in key order, so that two writers never wait for each other in a circle. Usage is summed
 * from the job rows that were really inserted; an expired job never was a request.
 */
const writeEvents = (deposits: string, records: string) => sql`
  with job as (
    select * from jsonb_to_recordset(${records}::jsonb) as job(
      "id" text, "accountId" text, "apiKeyId" text, "requestId" text, "endpoint" text,
      "model" text, "generationId" text,
      "stream" boolean, "status" text, "errorCode" text, "finishReason" text, "providerId" text,
      "lease" text, "attempts" integer, "priorLegs" jsonb, "promptTokens" bigint, "completionTokens" bigint,
      "claimedTokens" bigint, "holdMsat" bigint, "costMsat" bigint, "createdAt" bigint,
      "firstByteMs" integer, "totalMs" integer
    )
  ), event as (
    select "accountId" as account_id, 'deposit:' || "reference" as idempotency_key,
      'deposit' as kind, "amountMsat" as amount_msat, "at"
    from jsonb_to_recordset(${deposits}::jsonb) as deposit(
      "accountId" text, "reference" text, "amountMsat" bigint, "at" bigint
    )
    union all
    select "accountId", 'job:' || "id", case when "costMsat" > 0 then 'capture' else 'release' end,
      -"costMsat", "createdAt" + "totalMs"
    from job
  ), fresh as (
    insert into ledger_events (account_id, idempotency_key, kind, amount_msat, happened_at)
    select account_id, idempotency_key, kind, amount_msat, to_timestamp("at" / 1000.0)
    from event
    order by account_id, idempotency_key
    on conflict (account_id, idempotency_key) do nothing
    returning account_id, idempotency_key
  ), new_job as (
    insert into jobs (
      id, account_id, api_key_id, request_id, endpoint, model, generation_id, stream, status, error_code, finish_reason,
      provider_id, lease, attempts, prior_legs, prompt_tokens, completion_tokens, claimed_tokens, hold_msat,
      cost_msat, created_at, first_byte_ms, total_ms
    )
    select
      job."id", job."accountId", job."apiKeyId", job."requestId",
      coalesce(job."endpoint", 'chat.completions'),
      job."model", job."generationId", job."stream",
      job."status", job."errorCode", job."finishReason", job."providerId", job."lease",
      job."attempts", nullif(job."priorLegs", '[]'::jsonb), job."promptTokens", job."completionTokens", job."claimedTokens",
      job."holdMsat", job."costMsat", to_timestamp(job."createdAt" / 1000.0), job."firstByteMs",
      job."totalMs"
    from job
    join fresh on fresh.account_id = job."accountId" and fresh.idempotency_key = 'job:' || job."id"
    on conflict (id) do nothing
    returning *
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
  select count(*) from fresh`
