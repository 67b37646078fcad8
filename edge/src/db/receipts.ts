import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { ReceiptStatus, StoredReceipt } from '../ports.ts'
import { askRows, toJsonb, type Database } from './database.ts'

/** Most receipts in one statement; a provider signs far fewer at a time. */
export const MAX_RECEIPTS = 1_000

const leasesSchema = z.array(z.tuple([z.string()]))

/**
 * Stores a provider's verified receipts, the first of each lease only. A lease is `unknown` unless
 * its receipt says it is known, a job of this provider names it, or its receipt is here already.
 * Throws RangeError above {@link MAX_RECEIPTS}.
 */
export async function storeReceipts(
  db: Database,
  provider: PeerId,
  receipts: readonly StoredReceipt[],
): Promise<Map<LeaseId, ReceiptStatus>> {
  if (receipts.length > MAX_RECEIPTS) {
    throw new RangeError(`${receipts.length} receipts at once, at most ${MAX_RECEIPTS}`)
  }
  if (receipts.length === 0) return new Map()
  const rows = leasesSchema.parse(await askRows(db, store(provider, toJsonb(receipts))))
  const stored = new Set(rows.map(([lease]) => lease))
  return new Map(receipts.map(({ lease }) => [lease, stored.has(lease) ? 'stored' : 'unknown']))
}

const store = (provider: PeerId, receipts: string) => sql`
  with receipt as (
    select distinct on ("lease") *
    from jsonb_to_recordset(${receipts}::jsonb) as receipt(
      "lease" text, "job" text, "receipt" jsonb, "known" boolean
    )
    order by "lease"
  ), known as (
    select * from receipt
    where "known"
      or exists (
        select from jobs
        where jobs.id = receipt."job" and (
          jobs.lease = receipt."lease" and jobs.provider_id = ${provider}
          or jobs.prior_legs @> jsonb_build_array(
            jsonb_build_object('lease', receipt."lease", 'providerId', ${provider}::text)
          )
        )
      )
      or exists (
        select from receipts
        where receipts.lease = receipt."lease" and receipts.provider_id = ${provider}
      )
  ), stored as (
    insert into receipts (lease, job_id, provider_id, receipt)
    select "lease", "job", ${provider}, "receipt" from known order by "lease"
    on conflict (lease) do nothing
  )
  select "lease" from known`
