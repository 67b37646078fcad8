import { and, eq } from 'drizzle-orm'
import type { AccountId, JobId } from '@infernet/schemas/ids'
import { jobRecordSchema } from '@infernet/schemas/job-record'
import { signedReceiptSchema } from '@infernet/schemas/receipt'
import { jobs, receipts } from '@infernet/schemas/tables'
import type { StoredJob } from '../ports.ts'
import { ask, type Database } from './database.ts'

/** A job of this account, with the receipt of the lease that answered it once that is here. */
export async function findJob(
  db: Database,
  accountId: AccountId,
  jobId: JobId,
): Promise<StoredJob | undefined> {
  const [row] = await ask(
    db
      .select({ job: jobs, receipt: receipts.receipt })
      .from(jobs)
      .leftJoin(receipts, eq(receipts.lease, jobs.lease))
      .where(and(eq(jobs.id, jobId), eq(jobs.accountId, accountId))),
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
    holdMsat: Number(row.holdMsat),
    costMsat: Number(row.costMsat),
    createdAt: row.createdAt.getTime(),
  })
