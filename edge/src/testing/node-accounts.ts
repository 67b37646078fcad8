import { newAccountId, newJobId, type JobId } from '@infernet/schemas/ids'
import { NodeAccounts } from '../hosts/node/node-accounts.ts'
import { NodeSql } from '../hosts/node/node-sql.ts'
import type { HoldRequest } from '../ports.ts'
import { holdOf } from './holds.ts'
import { recordOf } from './job-records.ts'
import { ManualClock } from './manual-clock.ts'
import { MemoryStore } from './memory-store.ts'

export const ALICE = newAccountId(1)
/** How long a hold lives. */
export const EXPIRY_MS = 1000

/** A Node process's accounts over one database; `store` may be the same again after a restart. */
export function openAccounts(
  path = ':memory:',
  store: Pick<MemoryStore, 'writeLedgerEvents'> = new MemoryStore(),
) {
  const sql = new NodeSql(path)
  const clock = new ManualClock()
  const flushErrors: unknown[] = []
  const accounts = new NodeAccounts({
    sql,
    store,
    now: clock.now,
    onFlushError: (error) => flushErrors.push(error),
  })
  const reserve = (job: JobId, amountMsat: number, fields: Partial<HoldRequest> = {}) => {
    const expiresAt = clock.now() + EXPIRY_MS
    return accounts.reserve(holdOf(ALICE, { job, amountMsat, expiresAt, ...fields }))
  }
  const settle = (job: JobId, costMsat: number) =>
    accounts.settle(recordOf(job, ALICE, { costMsat }))
  return { sql, clock, accounts, flushErrors, reserve, settle }
}

export const newJob = (): JobId => newJobId(1)
