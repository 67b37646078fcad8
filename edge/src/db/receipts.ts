import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { MAX_RECEIPTS_PER_STATEMENT } from '../limits.ts'
import type { ReceiptStatus, StoredReceipt } from '../ports.ts'
import { askRows, toJsonb, type Database } from '@infernet/settlement/db/database'

const placesSchema = z.array(z.tuple([z.number()]))

/**
 * Stores verified receipts of any providers, the first of each lease only. A receipt is `unknown` unless
 * it says that it is known, a job names its lease and its provider, or it is here already. Returns what
 * became of each, in order. Throws RangeError above {@link MAX_RECEIPTS_PER_STATEMENT}.
 */
export async function storeReceipts(
  db: Database,
  receipts: readonly StoredReceipt[],
): Promise<readonly ReceiptStatus[]> {
  if (receipts.length > MAX_RECEIPTS_PER_STATEMENT) {
    throw new RangeError(
      `${receipts.length} receipts at once, at most ${MAX_RECEIPTS_PER_STATEMENT}`,
    )
  }
  if (receipts.length === 0) return []
  const rows = receipts.map((receipt, place) => ({ ...receipt, place }))
  const stored = placesSchema.parse(await askRows(db, store(toJsonb(rows))))
  const places = new Set(stored.map(([place]) => place))
  return receipts.map((_, place) => (places.has(place) ? 'stored' : 'unknown'))
}

const store = (receipts: string) => sql`
  with receipt as (
    select * from jsonb_to_recordset(${receipts}::jsonb) as receipt(
      "place" integer, "provider" text, "lease" text, "job" text, "receipt" jsonb, "known" boolean
    )
  ), known as (
    select * from receipt
    where "known"
      or exists (
        select from jobs
        where jobs.id = receipt."job" and (
          jobs.lease = receipt."lease" and jobs.provider_id = receipt."provider"
          or jobs.prior_legs @> jsonb_build_array(
            jsonb_build_object('lease', receipt."lease", 'providerId', receipt."provider")
          )
        )
      )
      or exists (
        select from receipts
        where receipts.lease = receipt."lease" and receipts.provider_id = receipt."provider"
      )
  ), stored as (
    insert into receipts (lease, job_id, provider_id, receipt)
    select distinct on ("lease") "lease", "job", "provider", "receipt" from known
    order by "lease", "place"
    on conflict (lease) do nothing
  )
  select "place" from known`
