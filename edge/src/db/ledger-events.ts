import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { LedgerEvent } from '@infernet/schemas/job-record'
import { askRows, toJsonb, type Database } from './database.ts'

/** Most events in one statement: some 660 KB of JSON, 50 ms of Postgres. */
export const MAX_LEDGER_EVENTS = 1_000

const resultSchema = z.tuple([z.tuple([z.coerce.number().int()])])

/**
 * Writes an outbox's events, exactly once however often they are sent: an event is known by its
 * account and idempotency key, and only a new one adds its job row and its share of the hourly
 * usage. One statement, so all of it happens or none. Returns how many events were new.
 * Throws RangeError above {@link MAX_LEDGER_EVENTS}.
 */
export async function writeLedgerEvents(
  db: Database,
  events: readonly LedgerEvent[],
): Promise<number> {
  if (events.length > MAX_LEDGER_EVENTS) {
    throw new RangeError(`${events.length} events in one write, at most ${MAX_LEDGER_EVENTS}`)
  }
  if (events.length === 0) return 0
  const [[written]] = resultSchema.parse(await askRows(db, writeEvents(toJsonb(events))))
  return written
}

/**
 * Rows are inserted in key order, so that two writers never wait for each other in a circle. Usage
 * is summed from the job rows that were really inserted; an expired job never was a request.
 */
const writeEvents = (events: string) => sql`
  with event as (
    select distinct on ("accountId", "idempotencyKey") *
    from jsonb_to_recordset(${events}::jsonb) as event(
      "accountId" text, "idempotencyKey" text, "kind" text, "amountMsat" bigint,
      "happenedAt" bigint, "job" jsonb
    )
    order by "accountId", "idempotencyKey"
  ), fresh as (
    insert into ledger_events (account_id, idempotency_key, kind, amount_msat, happened_at)
    select "accountId", "idempotencyKey", "kind", "amountMsat", to_timestamp("happenedAt" / 1000.0)
    from event
    order by "accountId", "idempotencyKey"
    on conflict (account_id, idempotency_key) do nothing
    returning account_id, idempotency_key
  ), new_job as (
    insert into jobs (
      id, account_id, api_key_id, request_id, model, stream, status, error_code, finish_reason,
      provider_id, lease, attempts, prompt_tokens, completion_tokens, claimed_tokens, hold_msat,
      cost_msat, created_at, first_byte_ms, total_ms
    )
    select
      job."id", job."accountId", job."apiKeyId", job."requestId", job."model", job."stream",
      job."status", job."errorCode", job."finishReason", job."providerId", job."lease",
      job."attempts", job."promptTokens", job."completionTokens", job."claimedTokens",
      job."holdMsat", job."costMsat", to_timestamp(job."createdAt" / 1000.0), job."firstByteMs",
      job."totalMs"
    from event
    join fresh on fresh.account_id = event."accountId" and fresh.idempotency_key = event."idempotencyKey"
    cross join jsonb_to_record(event."job") as job(
      "id" text, "accountId" text, "apiKeyId" text, "requestId" text, "model" text,
      "stream" boolean, "status" text, "errorCode" text, "finishReason" text, "providerId" text,
      "lease" text, "attempts" integer, "promptTokens" bigint, "completionTokens" bigint,
      "claimedTokens" bigint, "holdMsat" bigint, "costMsat" bigint, "createdAt" bigint,
      "firstByteMs" integer, "totalMs" integer
    )
    where event."job" <> 'null'::jsonb
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
