import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newAccountId, newJobId, type AccountId } from '@infernet/schemas/ids'
import type { LedgerBatch } from '@infernet/schemas/job-record'
import { NodeAccounts } from '../../hosts/node/node-accounts.ts'
import { NodeSql } from '../../hosts/node/node-sql.ts'
import { holdOf } from '../../testing/holds.ts'
import { recordOf } from '../../testing/job-records.ts'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { openDatabase } from '@infernet/settlement/db/database'
import { balancesOf, creditsOf } from '../ledger.ts'
import { postgresStore } from '../store.ts'
import { FEE_BPS } from './fixtures.ts'

/** Longer than a test takes. */
const HOLD_MS = 60_000

/** Where a write breaks: before Postgres has it, or after, so that nobody hears that it has. */
type Fault = 'none' | 'before' | 'after'

/** A job of this cost, as far as there is credit for it. */
async function run(accounts: NodeAccounts, accountId: AccountId, cost: number): Promise<void> {
  const job = newJobId(Date.now())
  const held = await accounts.reserve(
    holdOf(accountId, { job, amountMsat: 50, expiresAt: Date.now() + HOLD_MS }),
  )
  if (held.ok) await accounts.settle(recordOf(job, accountId, { costMsat: cost, holdMsat: 50 }))
}

export function testOutbox(open: () => DbPort): void {
  /** Accounts whose writes to Postgres end as `faults` say, one after the other. */
  function openAccounts(sql: NodeSql, faults: Fault[]) {
    const store = postgresStore(open(), Date.now, FEE_BPS)
    const writeLedgerEvents = async (batch: LedgerBatch): Promise<void> => {
      const fault = faults.shift() ?? 'none'
      if (fault === 'before') throw new Error('connection refused')
      await store.writeLedgerEvents(batch)
      if (fault === 'after') throw new Error('connection reset')
    }
    return new NodeAccounts({
      sql,
      store: { writeLedgerEvents },
      now: Date.now,
      onFlushError: () => {},
    })
  }

  describe('an account’s outbox', () => {
    it('leaves in Postgres what the account has, wherever writes break and however often', async () => {
      const step = fc.record({
        cost: fc.integer({ min: 0, max: 50 }),
        flushes: fc.integer({ min: 0, max: 3 }),
        fault: fc.constantFrom<Fault>('none', 'before', 'after'),
        restart: fc.boolean(),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
          const accountId = newAccountId(Date.now())
          const sql = new NodeSql(':memory:')
          const faults: Fault[] = []
          let accounts = openAccounts(sql, faults)
          await accounts.deposit(accountId, 'start', 300)
          for (const { cost, flushes, fault, restart } of steps) {
            await run(accounts, accountId, cost)
            faults.push(fault)
            await Promise.allSettled(Array.from({ length: flushes }, () => accounts.flush()))
            // As after a kill: another process opens what the one before it has committed.
            if (restart) accounts = openAccounts(sql, faults)
          }
          faults.length = 0
          await accounts.flush()
          const { availableMsat } = await accounts.balance(accountId)
          const db = openDatabase(open())
          const code = `client:${accountId}` as const
          expect((await balancesOf(db, [code])).get(code)).toBe(BigInt(availableMsat))
          expect(await creditsOf(db, accountId)).toEqual({
            totalMsat: 300,
            usedMsat: 300 - availableMsat,
          })
          await accounts.close()
          sql.close()
        }),
        { numRuns: 15 },
      )
    })
  })
}
