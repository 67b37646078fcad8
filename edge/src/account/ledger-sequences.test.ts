import { newAccountId, newJobId, type AccountId, type JobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NodeSql } from '../hosts/node/node-sql.ts'
import { holdOf } from '../testing/holds.ts'
import { recordOf } from '../testing/job-records.ts'
import { limitsOf } from '../testing/spend-limits.ts'
import { auditLedger } from './audit.ts'
import { expiredHolds, expiredRecord } from './expiry.ts'
import { LedgerError } from './ledger-error.ts'
import { Ledger } from './ledger.ts'
import { Outbox } from './outbox.ts'
import { migrate } from './schema.ts'

const NOON = 43_200_000

/** What the ledger should hold, in the simplest words. */
class Model {
  readonly deposits = new Map<string, { account: AccountId; amount: number }>()
  readonly holds = new Map<
    JobId,
    { account: AccountId; amount: number; expiresAt: number; cost?: number }
  >()
  /** Jobs that Postgres has, and that the ledger has forgotten. */
  readonly gone = new Set<JobId>()

  open(account: AccountId) {
    return [...this.holds].filter(([, hold]) => hold.account === account && hold.cost === undefined)
  }

  balance(account: AccountId) {
    let available = 0
    for (const deposit of this.deposits.values()) {
      if (deposit.account === account) available += deposit.amount
    }
    let reserved = 0
    for (const hold of this.holds.values()) {
      if (hold.account !== account) continue
      available -= hold.cost ?? hold.amount
      if (hold.cost === undefined) reserved += hold.amount
    }
    return {
      availableMsat: available,
      reservedMsat: reserved,
      openHolds: this.open(account).length,
    }
  }
}

describe('any sequence of operations', () => {
  const accounts = [newAccountId(1), newAccountId(2)] as const
  const jobs = Array.from({ length: 8 }, () => newJobId(1))
  const account = fc.constantFrom(...accounts)
  const job = fc.constantFrom(...jobs)
  const operation = fc.oneof(
    fc.record({
      do: fc.constant('deposit' as const),
      account,
      reference: fc.constantFrom('a', 'b', 'c'),
      amount: fc.integer({ min: 1, max: 500 }),
    }),
    fc.record({
      do: fc.constant('reserve' as const),
      account,
      job,
      amount: fc.nat({ max: 300 }),
      expiresAt: fc.nat({ max: 100 }),
    }),
    fc.record({ do: fc.constant('settle' as const), job, cost: fc.nat({ max: 320 }) }),
    fc.record({ do: fc.constant('expire' as const), at: fc.nat({ max: 100 }) }),
    fc.record({ do: fc.constant('flush' as const), acknowledged: fc.boolean() }),
    fc.record({ do: fc.constant('restart' as const) }),
  )
  type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never
  const MAX_OPEN = 3

  /** Does one operation to both and compares what it returned. */
  function step(
    test: {
      sql: NodeSql
      outbox: Outbox
      ledger: Ledger
      model: Model
      posted: Map<string, { accountId: string; amountMsat: number }>
    },
    next: Operation,
  ) {
    const { sql, outbox, ledger, model } = test
    const run = <T>(body: () => T): T => sql.transactionSync(body)
    if (next.do === 'deposit') {
      const key = `${next.account} ${next.reference}`
      const known = model.deposits.get(key)
      const act = () => run(() => ledger.deposit(next.account, next.reference, next.amount, 1))
      if (known !== undefined && known.amount !== next.amount)
        return void expect(act).toThrow(LedgerError)
      model.deposits.set(key, next)
      return void expect(act()).toEqual(model.balance(next.account))
    }
    if (next.do === 'reserve') {
      // The ids of jobs are never used again.
      if (model.gone.has(next.job)) return
      const before = model.balance(next.account)
      const known = model.holds.has(next.job)
      const crowded = before.openHolds >= MAX_OPEN
      const ok = known || (!crowded && before.availableMsat >= next.amount)
      if (ok && !known) model.holds.set(next.job, { ...next })
      const request = holdOf(next.account, {
        job: next.job,
        amountMsat: next.amount,
        expiresAt: next.expiresAt,
        limits: limitsOf({}, { maxConcurrent: MAX_OPEN }),
      })
      const refusal = crowded
        ? { reason: 'too_many_open', scope: 'account', limit: MAX_OPEN }
        : { reason: 'insufficient_credit', availableMsat: before.availableMsat }
      const expected = known ? 'again' : ok ? 'held' : refusal
      return void expect(run(() => ledger.reserve(request, NOON))).toEqual(expected)
    }
    if (next.do === 'settle') {
      const hold = model.holds.get(next.job)
      // The record may know the hold's amount, as the hub's does, or not.
      const holdMsat = next.cost % 2 === 0 ? (hold?.amount ?? 0) : 0
      const fields = { costMsat: next.cost, holdMsat }
      const record = recordOf(next.job, hold?.account ?? accounts[0], fields)
      const act = () => run(() => ledger.settle(record, NOON) !== undefined)
      const open = hold !== undefined && hold.cost === undefined && !model.gone.has(next.job)
      if (open && next.cost > hold.amount) return void expect(act).toThrow(LedgerError)
      if (open) hold.cost = next.cost
      return void expect(act()).toBe(open)
    }
    if (next.do === 'expire') {
      for (const hold of expiredHolds(sql, next.at, 100)) {
        run(() => ledger.settle(expiredRecord(hold, next.at), next.at))
      }
      for (const hold of model.holds.values()) if (hold.expiresAt < next.at) hold.cost ??= 0
      return
    }
    if (next.do === 'flush') {
      const batch = outbox.read(100)
      if (batch === undefined) return
      const events = new Map<string, { accountId: string; amountMsat: number }>()
      for (const { accountId, reference, amountMsat } of batch.deposits) {
        events.set(`${accountId} ${reference}`, { accountId, amountMsat })
      }
      for (const record of batch.records) {
        const { id, accountId, costMsat } = JSON.parse(record) as JobRecord
        events.set(id, { accountId, amountMsat: 0 - costMsat })
      }
      for (const [key, event] of events) {
        // Postgres may see an event twice, but never two versions of it.
        if (test.posted.has(key)) expect(test.posted.get(key)).toEqual(event)
        test.posted.set(key, event)
      }
      if (!next.acknowledged) return
      run(() => outbox.flushed(batch))
      for (const [id, hold] of model.holds) if (hold.cost !== undefined) model.gone.add(id)
      expect(outbox.size).toBe(0)
      return
    }
    test.outbox = new Outbox(sql)
    test.ledger = new Ledger(sql, test.outbox)
  }

  it('keeps every balance right, never negative, and tells Postgres the same story', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60, size: 'max' }), (operations) => {
        const sql = new NodeSql(':memory:')
        migrate(sql)
        const outbox = new Outbox(sql)
        const test = {
          sql,
          outbox,
          ledger: new Ledger(sql, outbox),
          model: new Model(),
          posted: new Map<string, { accountId: string; amountMsat: number }>(),
        }
        for (const next of operations) {
          step(test, next)
          auditLedger(sql)
          for (const id of accounts) {
            const balance = test.ledger.balance(id)
            expect(balance).toEqual(test.model.balance(id))
            expect(Math.min(...Object.values(balance))).toBeGreaterThanOrEqual(0)
          }
        }
        step(test, { do: 'flush', acknowledged: true })
        for (const id of accounts) {
          let posted = 0
          for (const event of test.posted.values()) {
            if (event.accountId === id) posted += event.amountMsat
          }
          const { availableMsat, reservedMsat } = test.ledger.balance(id)
          expect(availableMsat + reservedMsat).toBe(posted)
        }
        sql.close()
      }),
      { numRuns: 200 },
    )
  })
})
