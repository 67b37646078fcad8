import { openDatabase } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import type { ReceiptArchive } from '../receipts/receipt-archive.ts'
import { findAnyJob } from './jobs.ts'

/** {@link ReceiptArchive} over any Postgres. */
export function postgresArchive(port: DbPort): ReceiptArchive {
  const db = openDatabase(port)
  return { find: (job) => findAnyJob(db, job) }
}
