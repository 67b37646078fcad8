import { newAccountId, newJobId, type JobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { MAX_MSAT, MoneyError } from '@infernet/schemas/money'
import { describe, expect, it } from 'vitest'
import { NodeSql } from '../hosts/node/node-sql.ts'
import { MAX_OUTBOX_EVENTS } from '../limits.ts'
import type { HoldRequest } from '../ports.ts'
import { holdOf as anyHold } from '../testing/holds.ts'
import { recordOf } from '../testing/job-records.ts'
import { limitsOf } from '../testing/spend-limits.ts'
import { auditLedger } from './audit.ts'
import { expiredHolds, expiredRecord, nextExpiry } from './expiry.ts'
import { LedgerError } from './ledger-error.ts'
import { Ledger } from './ledger.ts'
import { Outbox } from './outbox.ts'
import { migrate } from './schema.ts'

const ALICE = newAccountId(1)
const NOON = 43_200_000

const holdOf = (fields: Partial<HoldRequest> = {}) => anyHold(ALICE, fields)

/** A ledger whose every call is a transaction of its own. */
function open(sql = new NodeSql(':memory:')) {
  migrate(sql)
  const outbox = new Outbox(sql)
  const ledger = new Ledger(sql, outbox)
  const run = <T>(operation: (ledger: Ledger) => T): T => {
    try {
      return sql.transactionSync(() => operation(ledger))
    } catch (error) {
      outbox.rolledBack()
      ledger.rolledBack()
      throw error
    }
  }
  const reserve = (amountMsat: number, fields: { job?: JobId; maxConcurrent?: number } = {}) => {
    const { job = newJobId(1), maxConcurrent = 10 } = fields
    const request = holdOf({ job, amountMsat, limits: limitsOf({}, { maxConcurrent }) })
    return { job, result: run((l) => l.reserve(request, NOON)) }
  }
  const settle = (job: JobId, costMsat: number): boolean =>
    run((l) => l.settle(recordOf(job, ALICE, { costMsat }), NOON)) !== undefined
  const deposit = (amount: number, reference = 'r') =>
    run((l) => l.deposit(ALICE, reference, amount, 7))
  const balance = () => ledger.balance(ALICE)
  return { sql, ledger, outbox, run, reserve, settle, deposit, balance }
}

describe('the ledger', () => {
  it('moves money in two phases', () => {
    const { reserve, settle, deposit, balance } = open()
    deposit(100)
    const { job, result } = reserve(60)
    expect(result).toBe('held')
    expect(balance()).toEqual({ availableMsat: 40, reservedMsat: 60, openHolds: 1 })
    expect(settle(job, 25)).toBe(true)
    expect(balance()).toEqual({ availableMsat: 75, reservedMsat: 0, openHolds: 0 })
  })

  it('holds once and settles once for a job, however often it is told', () => {
    const { reserve, settle, deposit, balance } = open()
    deposit(100)
    const { job } = reserve(60)
    expect(reserve(60, { job }).result).toBe('again')
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
    expect(run((l) => l.settle(thief, NOON))).toBeUndefined()
    expect(balance()).toEqual({ availableMsat: 40, reservedMsat: 60, openHolds: 1 })
  })

  it('refuses a hold without credit and leaves no trace of it', () => {
    const { sql, reserve, deposit, balance } = open()
    expect(reserve(1).result).toEqual({ reason: 'insufficient_credit', availableMsat: 0 })
    deposit(100)
    const { job, result } = reserve(101)
    expect(result).toEqual({ reason: 'insufficient_credit', availableMsat: 100 })
    expect(balance()).toEqual({ availableMsat: 100, reservedMsat: 0, openHolds: 0 })
    expect(expiredHolds(sql, Number.POSITIVE_INFINITY, 10)).toEqual([])
    expect(reserve(100, { job }).result).toBe('held')
  })

  it('lets an account without credit hold nothing, for a model that is free', () => {
    const { reserve, settle, balance } = open()
    const { job, result } = reserve(0)
    expect(result).toBe('held')
    expect(settle(job, 0)).toBe(true)
    expect(balance()).toEqual({ availableMsat: 0, reservedMsat: 0, openHolds: 0 })
  })

  it('refuses more open holds than allowed, even free ones', () => {
    const { reserve, settle, deposit } = open()
    deposit(100)
    const two = { maxConcurrent: 2 }
    const { job } = reserve(0, two)
    reserve(0, two)
    const refused = { reason: 'too_many_open', scope: 'account', limit: 2 }
    expect(reserve(0, two).result).toEqual(refused)
    expect(reserve(999, two).result).toEqual(refused)
    settle(job, 0)
    expect(reserve(0, two).result).toBe('held')
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
    expect(again.reserve(1).result).toEqual({ reason: 'backlog' })
    expect(settle(job, 10)).toBe(true)
  })

  it('throws at a cost above the hold, and leaves no trace of it', () => {
    const { outbox, reserve, settle, deposit, balance } = open()
    deposit(100)
    const { job } = reserve(60)
    const before = outbox.size
    expect(() => settle(job, 61)).toThrow(LedgerError)
    expect(balance()).toEqual({ availableMsat: 40, reservedMsat: 60, openHolds: 1 })
    expect(outbox.size).toBe(before)
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
    const { outbox, deposit } = open()
    expect(deposit(100).availableMsat).toBe(100)
    expect(deposit(100).availableMsat).toBe(100)
    expect(() => deposit(101)).toThrow(expect.objectContaining({ code: 'deposit_conflict' }))
    expect(deposit(1, 'other').availableMsat).toBe(101)
    outbox.flushed(outbox.read(10)!)
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
    const { sql, run, deposit } = open()
    deposit(100)
    expect(nextExpiry(sql)).toBeUndefined()
    const jobs = [30, 10, 20].map((expiresAt) => {
      const request = holdOf({ amountMsat: 1, expiresAt })
      run((l) => l.reserve(request, NOON))
      return request.job
    })
    expect(nextExpiry(sql)).toBe(10)
    expect(expiredHolds(sql, 10, 9)).toEqual([])
    expect(expiredHolds(sql, 30, 9).map(({ job }) => job)).toEqual([jobs[1], jobs[2]])
    expect(expiredHolds(sql, Number.POSITIVE_INFINITY, 1)).toEqual([
      { job: jobs[1], accountId: ALICE, amountMsat: 1 },
    ])
  })

  it('writes what happened into its outbox', () => {
    const { outbox, run, reserve, settle, deposit } = open()
    expect(outbox.read(10)).toBeUndefined()
    deposit(100, 'invoice 7')
    const [paid, expired] = [1, 2].map((at) => reserve(10, { job: newJobId(at) }).job) as [
      JobId,
      JobId,
    ]
    settle(paid, 4)
    const hold = { job: expired, accountId: ALICE, amountMsat: 10 }
    run((l) => l.settle(expiredRecord(hold, 99), 99))
    const batch = outbox.read(10)!
    expect(batch.deposits).toEqual([
      { accountId: ALICE, reference: 'invoice 7', amountMsat: 100, at: 7 },
    ])
    expect(batch.jobs).toEqual([paid, expired])
    expect(batch.records.map((record) => JSON.parse(record) as JobRecord)).toEqual([
      recordOf(paid, ALICE, { costMsat: 4 }),
      expiredRecord(hold, 99),
    ])
    expect(outbox.read(2)).toMatchObject({ deposits: [{}], jobs: [paid] })
    expect(outbox.size).toBe(3)
    const part = { ...batch, jobs: [paid] }
    run(() => outbox.flushed(part))
    run(() => outbox.flushed(part))
    expect(outbox.size).toBe(1)
    expect(outbox.read(10)).toMatchObject({ deposits: [], jobs: [expired] })
  })

  it('notices a balance that somebody has touched', () => {
    const { sql, reserve, run, deposit } = open()
    const corrupt = expect.objectContaining({ code: 'corrupt' })
    deposit(100)
    reserve(10)
    run((l) => l.reserve(holdOf({ amountMsat: 10, limits: limitsOf({ maxConcurrent: 1 }) }), NOON))
    auditLedger(sql)
    sql.run('update key_spend set reserved = reserved + 1')
    expect(() => auditLedger(sql)).toThrow(corrupt)
    sql.run('update key_spend set reserved = reserved - 1')
    sql.run('update account set reserved = reserved + 1')
    expect(() => auditLedger(sql)).toThrow(corrupt)
  })

  it('costs a key without limits four statements a job', () => {
    const { sql, ledger, deposit, reserve } = open()
    deposit(100)
    const { job } = reserve(1)
    ledger.settle(recordOf(job, ALICE, { holdMsat: 1 }), NOON)
    let statements = 0
    const counted = new Ledger(
      {
        exec: (...args) => (statements++, sql.exec(...args)),
        run: (...args) => (statements++, sql.run(...args)),
        transactionSync: (body) => sql.transactionSync(body),
      },
      new Outbox(sql),
    )
    const request = holdOf({ amountMsat: 5 })
    expect(counted.reserve(request, NOON)).toBe('held')
    expect(counted.settle(recordOf(request.job, ALICE, { holdMsat: 5 }), NOON)).toBeDefined()
    expect(statements).toBe(4)
    expect(sql.exec('select * from key_spend')).toEqual([])
  })
})
