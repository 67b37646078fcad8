import { and, desc, eq, type SQL } from 'drizzle-orm'
import { isJobId, type AccountId, type JobId } from '@infernet/schemas/ids'
import { jobRecordSchema } from '@infernet/schemas/job-record'
import { signedReceiptSchema } from '@infernet/schemas/receipt'
import { jobs, receipts } from '@infernet/schemas/tables'
import type { StoredJob } from '../ports.ts'
import { ask, type Database } from '@infernet/settlement/db/database'

/**
 * A job of this account, by its id or its answer's, with the receipt of the lease that ended it
 * once that is here. Of answers that providers gave the same id, the newest.
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
  return (
    row && {
      record: toRecord(row.job),
      receipt: signedReceiptSchema.nullable().parse(row.receipt) ?? undefined,
    }
  )
}

const toRecord = (row: typeof jobs.$inferSelect) =>
  jobRecordSchema.parse({
    ...row,
    priorLegs: row.priorLegs ?? [],
    heldUntil: row.heldUntil?.getTime(),
    holdMsat: Number(row.holdMsat),
    costMsat: Number(row.costMsat),
    createdAt: row.createdAt.getTime(),
  })
