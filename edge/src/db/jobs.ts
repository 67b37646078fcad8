import { and, desc, eq, inArray, type SQL } from 'drizzle-orm'
import { isJobId, type AccountId, type JobId } from '@infernet/schemas/ids'
import { jobRecordSchema } from '@infernet/schemas/job-record'
import { signedReceiptSchema, type SignedReceipt } from '@infernet/schemas/receipt'
import { jobs, receipts } from '@infernet/schemas/tables'
import type { StoredJob } from '../ports.ts'
import { ask, type Database } from '@infernet/settlement/db/database'

/**
 * A job of this account, by its id or its answer's, with the receipts of its leases once these are here. Of answers that providers gave the same id, the newest.
 */
export const findJob = (
  db: Database,
  accountId: AccountId,
  id: string,
): Promise<StoredJob | undefined> =>
  newest(
    db,
    and(eq(jobs.accountId, accountId), isJobId(id) ? eq(jobs.id, id) : eq(jobs.generationId, id)),
  )

/** The same by the job's id, whosever it is. */
export const findAnyJob = (db: Database, id: JobId): Promise<StoredJob | undefined> =>
  newest(db, eq(jobs.id, id))

async function newest(db: Database, wanted: SQL | undefined): Promise<StoredJob | undefined> {
  const [row] = await ask(
    db
      .select({ job: jobs, receipt: receipts.receipt })
      .from(jobs)
      .leftJoin(receipts, eq(receipts.lease, jobs.lease))
      .where(wanted)
      .orderBy(desc(jobs.createdAt))
      .limit(1),
  )
  if (row === undefined) return undefined
  const record = toRecord(row.job)
  const leases = record.priorLegs.map(({ lease }) => lease)
  return { record, receipt: readReceipt(row.receipt), earlier: await receiptsOf(db, leases) }
}

async function receiptsOf(
  db: Database,
  leases: readonly string[],
): Promise<(SignedReceipt | undefined)[]> {
  if (leases.length === 0) return []
  const rows = await ask(
    db
      .select({ lease: receipts.lease, receipt: receipts.receipt })
      .from(receipts)
      .where(inArray(receipts.lease, [...leases])),
  )
  const byLease = new Map(rows.map(({ lease, receipt }) => [lease, readReceipt(receipt)]))
  return leases.map((lease) => byLease.get(lease))
}

const readReceipt = (stored: unknown): SignedReceipt | undefined =>
  signedReceiptSchema.nullish().parse(stored) ?? undefined

const toRecord = (row: typeof jobs.$inferSelect) =>
  jobRecordSchema.parse({
    ...row,
    priorLegs: row.priorLegs ?? [],
    heldUntil: row.heldUntil?.getTime(),
    holdMsat: Number(row.holdMsat),
    costMsat: Number(row.costMsat),
    createdAt: row.createdAt.getTime(),
  })
