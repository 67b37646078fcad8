import { newAccountId, newJobId, type AccountId, type JobId } from '@infernet/schemas/ids'
import type { LedgerEvent } from '@infernet/schemas/job-record'
import { MAX_MSAT, MoneyError } from '@infernet/schemas/money'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NodeSql } from '../hosts/node/node-sql.ts'
import { MAX_OUTBOX_EVENTS } from '../limits.ts'
import { recordOf } from '../testing/job-records.ts'
import { expiredRecord } from './expiry.ts'
import { Ledger, LedgerError } from './ledger.ts'

const ALICE = newAccountId(1)

/** A ledger whose every call is a transaction of its own. */
function open(sql = new NodeSql(':memory:')) {
  const ledger = new Ledger(sql)
  const run = <T>(operation: (ledger: Ledger) => T): T => {
    try {
      return sql.transactionSync(() => operation(ledger))
    } catch (error) {
      ledger.rolledBack()
      throw error
    }
  }
  const reserve = (amountMsat: number, fields: { job?: JobId; maxOpenHolds?: number } = {}) => {
    const { job = newJobId(1), maxOpenHolds = 10 } = fields
    const request = { accountId: ALICE, job, amountMsat, expiresAt: 5000, maxOpenHolds }
    return { job, result: run((l) => l.reserve(request)) }
  }
  const settle = (job: JobId, costMsat: number): boolean =>
    run((l) => l.settle(recordOf(job, ALICE, { costMsat })))
  const deposit = (amount: number, reference = 'r') =>
    run((l) => l.deposit(ALICE, reference, amount, 7))
  const balance = () => ledger.balance(ALICE)
  return { sql, ledger, run, reserve, settle, deposit, balance }
}

describe('the ledger', () => {
  it('moves money in two phases', () => {
    const { reserve, settle, deposit, balance } = open()
    deposit(100)
    const { job, result } = reserve(60)
    expect(result).toEqual({ ok: true, availableMsat: 40 })
    expect(balance()).toEqual({ availableMsat: 40, reservedMsat: 60, openHolds: 1 })
    expect(settle(job, 25)).toBe(true)
    expect(balance()).toEqual({ availableMsat: 75, reservedMsat: 0, openHolds: 0 })
  })

  it('holds once and settles once for a job, however often it is told', () => {
    const { reserve, settle, deposit, balance } = open()
    deposit(100)
    const { job } = reserve(60)
    expect(reserve(60, { job }).result).toEqual({ ok: true, availableMsat: 40 })
    expect(settle(job, 25)).toBe(true)
    expect(settle(job, 60)).toBe(false)
    expect(balance()).toEqual({ availableMsat: 75, reservedMsat: 0, openHolds: 0 })
  })

  it('settles nothing that was never held, nor another account’s hold', () => {
    const { run, reserve, settle, deposit, balance } = open()
    deposit(100)
    expect(settle(newJobId(1), 10)).toBe(false)
    const { job } = reserve(60)
    const thief = recordOf(job, newAccountId(2), { costMsat: 60 })
    expect(run((l) => l.settle(thief))).toBe(false)
    expect(balance()).toEqual({ availableMsat: 40, reservedMsat: 60, openHolds: 1 })
  })

  it('refuses a hold without credit and leaves no trace of it', () => {
    const { ledger, reserve, deposit, balance } = open()
    expect(reserve(1).result).toEqual({
      ok: false,
      reason: 'insufficient_credit',
      availableMsat: 0,
    })
    deposit(100)
    const { job, result } = reserve(101)
    expect(result).toEqual({ ok: false, reason: 'insufficient_credit', availableMsat: 100 })
    expect(balance()).toEqual({ availableMsat: 100, reservedMsat: 0, openHolds: 0 })
    expect(ledger.expired(Number.POSITIVE_INFINITY, 10)).toEqual([])
    expect(reserve(100, { job }).result.ok).toBe(true)
  })

  it('lets an account without credit hold nothing, for a model that is free', () => {
    const { reserve, settle, balance } = open()
    const { job, result } = reserve(0)
    expect(result).toEqual({ ok: true, availableMsat: 0 })
    expect(settle(job, 0)).toBe(true)
    expect(balance()).toEqual({ availableMsat: 0, reservedMsat: 0, openHolds: 0 })
  })

  it('refuses more open holds than allowed, even free ones', () => {
    const { reserve, settle, deposit } = open()
    deposit(100)
    const { job } = reserve(0, { maxOpenHolds: 2 })
    reserve(0, { maxOpenHolds: 2 })
    const refused = { ok: false, reason: 'too_many_open', availableMsat: 100 }
    expect(reserve(0, { maxOpenHolds: 2 }).result).toEqual(refused)
    expect(reserve(999, { maxOpenHolds: 2 }).result).toEqual(refused)
    settle(job, 0)
    expect(reserve(0, { maxOpenHolds: 2 }).result.ok).toBe(true)
  })

  it('refuses new holds while too much waits for Postgres, and settles old ones', () => {
    const { sql, reserve, settle, deposit } = open()
    deposit(100)
    const { job } = reserve(10)
    sql.exec(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)
       insert into hold (job, account, amount, expires_at, record) select 'old' || i, 'a', 0, 0, '{}' from n`,
      MAX_OUTBOX_EVENTS,
    )
    const again = open(sql)
    expect(again.reserve(1).result).toEqual({ ok: false, reason: 'backlog', availableMsat: 90 })
    expect(settle(job, 10)).toBe(true)
  })

  it('throws at a cost above the hold, and leaves no trace of it', () => {
    const { ledger, reserve, settle, deposit, balance } = open()
    deposit(100)
    const { job } = reserve(60)
    const before = ledger.outboxSize
    expect(() => settle(job, 61)).toThrow(LedgerError)
    expect(balance()).toEqual({ availableMsat: 40, reservedMsat: 60, openHolds: 1 })
    expect(ledger.outboxSize).toBe(before)
    expect(settle(job, 60)).toBe(true)
  })

  it.each([-1, 0.5, Number.NaN, MAX_MSAT + 1])('has no amount of %f msat', (amount) => {
    const { reserve, settle, deposit } = open()
    deposit(100)
    const { job } = reserve(10)
    expect(() => deposit(amount, 'bad')).toThrow(MoneyError)
    expect(() => reserve(amount)).toThrow(MoneyError)
    expect(() => settle(job, amount)).toThrow(MoneyError)
  })

  it('takes a deposit once per reference', () => {
    const { ledger, deposit } = open()
    expect(deposit(100).availableMsat).toBe(100)
    expect(deposit(100).availableMsat).toBe(100)
    expect(() => deposit(101)).toThrow(expect.objectContaining({ code: 'deposit_conflict' }))
    expect(deposit(1, 'other').availableMsat).toBe(101)
    ledger.flushed(ledger.outbox(10))
    expect(deposit(100).availableMsat).toBe(101)
  })

  it('refuses a balance beyond exact arithmetic, reserves included', () => {
    const { reserve, deposit, balance } = open()
    deposit(MAX_MSAT)
    reserve(MAX_MSAT)
    expect(() => deposit(1, 'more')).toThrow(MoneyError)
    expect(balance()).toEqual({ availableMsat: 0, reservedMsat: MAX_MSAT, openHolds: 1 })
  })

  it('finds expired holds, oldest first', () => {
    const { ledger, run, deposit } = open()
    deposit(100)
    const jobs = [30, 10, 20].map((expiresAt) => {
      const job = newJobId(1)
      const request = { accountId: ALICE, job, amountMsat: 1, expiresAt, maxOpenHolds: 9 }
      run((l) => l.reserve(request))
      return job
    })
    expect(ledger.nextExpiry()).toBe(10)
    expect(ledger.expired(10, 9)).toEqual([])
    expect(ledger.expired(30, 9).map(({ job }) => job)).toEqual([jobs[1], jobs[2]])
    expect(ledger.expired(Number.POSITIVE_INFINITY, 1)).toMatchObject([
      { job: jobs[1], accountId: ALICE, amountMsat: 1, expiresAt: 10 },
    ])
  })

  it('writes what happened into its outbox', () => {
    const { ledger, run, reserve, settle, deposit } = open()
    deposit(100, 'invoice 7')
    const [paid, free, expired] = [reserve(10).job, reserve(10).job, reserve(10).job]
    settle(paid, 4)
    settle(free, 0)
    const hold = { job: expired, accountId: ALICE, amountMsat: 10 }
    run((l) => l.settle(expiredRecord(hold, 99)))
    const events = ledger.outbox(10)
    expect(events).toMatchObject([
      { idempotencyKey: 'deposit:invoice 7', kind: 'deposit', amountMsat: 100, happenedAt: 7 },
      { idempotencyKey: `job:${paid}`, kind: 'capture', amountMsat: 4, happenedAt: 1002 },
      { idempotencyKey: `job:${free}`, kind: 'release', amountMsat: 0 },
      { idempotencyKey: `job:${expired}`, kind: 'release', job: { status: 'expired' } },
    ])
    expect(ledger.outbox(1)).toHaveLength(1)
    expect(ledger.outboxSize).toBe(4)
    run((l) => l.flushed(events.slice(0, 2)))
    run((l) => l.flushed(events.slice(0, 2)))
    expect(ledger.outboxSize).toBe(2)
    expect(ledger.outbox(10)).toEqual(events.slice(2))
  })

  it('notices a balance that somebody has touched', () => {
    const { sql, ledger, reserve, deposit } = open()
    deposit(100)
    reserve(10)
    ledger.audit()
    sql.exec('update account set reserved = reserved + 1')
    expect(() => ledger.audit()).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })
})

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
    test: { sql: NodeSql; ledger: Ledger; model: Model; posted: Map<string, LedgerEvent> },
    next: Operation,
  ) {
    const { sql, ledger, model } = test
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
      const request = {
        accountId: next.account,
        job: next.job,
        amountMsat: next.amount,
        expiresAt: next.expiresAt,
        maxOpenHolds: MAX_OPEN,
      }
      const { availableMsat } = model.balance(next.account)
      const reason = crowded ? 'too_many_open' : 'insufficient_credit'
      const expected = ok ? { ok, availableMsat } : { ok, reason, availableMsat }
      return void expect(run(() => ledger.reserve(request))).toEqual(expected)
    }
    if (next.do === 'settle') {
      const hold = model.holds.get(next.job)
      const record = recordOf(next.job, hold?.account ?? accounts[0], { costMsat: next.cost })
      const act = () => run(() => ledger.settle(record))
      const open = hold !== undefined && hold.cost === undefined && !model.gone.has(next.job)
      if (open && next.cost > hold.amount) return void expect(act).toThrow(LedgerError)
      if (open) hold.cost = next.cost
      return void expect(act()).toBe(open)
    }
    if (next.do === 'expire') {
      for (const hold of run(() => ledger.expired(next.at, 100))) {
        run(() => ledger.settle(expiredRecord(hold, next.at)))
      }
      for (const hold of model.holds.values()) if (hold.expiresAt < next.at) hold.cost ??= 0
      return
    }
    if (next.do === 'flush') {
      const events = ledger.outbox(100)
      for (const event of events) {
        const key = `${event.accountId} ${event.idempotencyKey}`
        // Postgres may see an event twice, but never two versions of it.
        if (test.posted.has(key)) expect(test.posted.get(key)).toEqual(event)
        test.posted.set(key, event)
      }
      if (!next.acknowledged) return
      run(() => ledger.flushed(events))
      for (const [id, hold] of model.holds) if (hold.cost !== undefined) model.gone.add(id)
      expect(ledger.outboxSize).toBe(0)
      return
    }
    test.ledger = new Ledger(sql)
  }

  it('keeps every balance right, never negative, and tells Postgres the same story', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60, size: 'max' }), (operations) => {
        const sql = new NodeSql(':memory:')
        const test = {
          sql,
          ledger: new Ledger(sql),
          model: new Model(),
          posted: new Map<string, LedgerEvent>(),
        }
        for (const next of operations) {
          step(test, next)
          test.ledger.audit()
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
            if (event.accountId !== id) continue
            posted += event.kind === 'deposit' ? event.amountMsat : -event.amountMsat
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
