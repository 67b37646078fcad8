import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, type Database } from '../db/database.ts'
import { JOB_QUOTE_SECONDS } from '../job-price.ts'

/** A job of a fixed price that nobody has been asked to pay for. */
export interface QuotedJob {
  readonly id: string
  readonly accountId: string
  readonly model: string
  readonly priceMsat: bigint
}

const quotedSchema = z.array(z.tuple([z.string(), z.string(), z.string(), z.coerce.bigint()]))
const idsSchema = z.array(z.tuple([z.string()]))

/** Quotes that hold still, and have no invoice. */
export async function quotedJobs(db: Database, limit: number): Promise<readonly QuotedJob[]> {
  const rows = await askRows(
    db,
    sql`
    select id, account_id, model, price_msat from priced_jobs
    where state = 'quoted' and created_at > now() - make_interval(secs => ${JOB_QUOTE_SECONDS})
      and not exists (select from escrows where escrows.job = priced_jobs.id)
    order by id limit ${limit}`,
  )
  return quotedSchema.parse(rows).map(([id, accountId, model, priceMsat]) => {
    return { id, accountId, model, priceMsat }
  })
}

/**
 * Jobs whose payment is held, without a verdict, that nobody runs at the moment; those too that are over:
 * they were withdrawn as their invoice was being made, and the edge gives their payment back.
 */
export async function paidJobs(db: Database, limit: number): Promise<readonly string[]> {
  const rows = await askRows(
    db,
    sql`
    select priced_jobs.id from priced_jobs
    join escrows on escrows.job = priced_jobs.id
    where (priced_jobs.state not in ('quoted', 'running')
      or priced_jobs.claimed_until is null or priced_jobs.claimed_until < now())
      and escrows.state = 'accepted' and escrows.decision is null
    order by priced_jobs.id limit ${limit}`,
  )
  return idsSchema.parse(rows).map(([id]) => id)
}

/** Payment hashes of escrows that are decided and not finished: there is something to tell the node. */
export async function decidedEscrows(db: Database, limit: number): Promise<readonly string[]> {
  const rows = await askRows(
    db,
    sql`
    select payment_hash from escrows
    where state not in ('settled', 'cancelled') and decision is not null
    order by payment_hash limit ${limit}`,
  )
  return idsSchema.parse(rows).map(([hash]) => hash)
}
