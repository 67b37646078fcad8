import { newAccountId, newJobId, type ApiKeyId, type JobId } from '@infernet/schemas/ids'
import type { LedgerBatch } from '@infernet/schemas/job-record'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NodeSql } from '../hosts/node/node-sql.ts'
import type { HoldRequest } from '../ports.ts'
import { holdOf } from '../testing/holds.ts'
import { recordOf } from '../testing/job-records.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { onceOf, storedAnswer } from '../testing/once-requests.ts'
import { limitsOf } from '../testing/spend-limits.ts'
import { DbError } from '@infernet/settlement/db/db-port'
import { AccountBook } from './account-book.ts'
import { auditLedger } from './audit.ts'
import { ONCE_KEPT_MS } from './once-log.ts'
import { dayOf } from './utc-day.ts'

const ALICE = newAccountId(1)
const KEY = 'key' as ApiKeyId
const DAY_MS = 86_400_000
const EXPIRY_MS = 1000

function open(credit = 1_000_000) {
  const sql = new NodeSql(':memory:')
  const clock = new ManualClock()
  const start = () =>
    new AccountBook({
      sql,
      now: clock.now,
      later: (task, delayMs) => {
        clock.later(task, delayMs)
        return () => {}
      },
    })
  const test = { sql, clock, start, book: start() }
  const run = <T>(body: (book: AccountBook) => T): T => test.book.transaction(() => body(test.book))
  const reserve = (fields: Partial<HoldRequest> = {}) => {
    const request = holdOf(ALICE, { expiresAt: clock.now() + EXPIRY_MS, ...fields })
    return { request, result: run((book) => book.reserve(request)) }
  }
  const settle = (job: JobId, costMsat = 0) =>
    run((book) => book.settle(recordOf(job, ALICE, { costMsat })))
  run((book) => book.deposit(ALICE, 'r', credit))
  return Object.assign(test, { run, reserve, settle })
}

describe('a budget', () => {
  it('is new at 00:00 UTC, but for what is still held', () => {
    const { clock, reserve, settle, book } = open()
    const limits = limitsOf({ budgetMsatPerDay: 100 }, { budgetMsatPerDay: 100 })
    clock.advance(DAY_MS - 1 - (clock.now() % DAY_MS))
    const spent = reserve({ amountMsat: 70, limits }).request.job
    settle(spent, 70)
    const held = reserve({ amountMsat: 30, limits }).request.job
    expect(reserve({ amountMsat: 1, limits }).result).toMatchObject({
      reason: 'budget',
      scope: 'account',
      retryAfterMs: 1,
    })
    clock.advance(1)
    expect(reserve({ amountMsat: 71, limits }).result).toMatchObject({ reason: 'budget' })
    const { request, result } = reserve({ amountMsat: 70, limits })
    expect(result.ok).toBe(true)
    // A capture counts for the day on which it is made.
    settle(held, 30)
    settle(request.job, 10)
    expect(book.keyUsage(ALICE, KEY, limits)).toMatchObject({
      key: { spentTodayMsat: 40, reservedMsat: 0, budgetLeftMsat: 60 },
      account: { spentTodayMsat: 40, reservedMsat: 0, budgetLeftMsat: 60 },
    })
  })

  it('is not new again when the clock goes back and forth over midnight', () => {
    const { clock, reserve, settle } = open()
    const limits = limitsOf({ budgetMsatPerDay: 100 })
    clock.advance(DAY_MS)
    settle(reserve({ amountMsat: 100, limits }).request.job, 100)
    clock.advance(-DAY_MS)
    expect(reserve({ amountMsat: 1, limits }).result).toMatchObject({ reason: 'budget' })
    settle(reserve({ amountMsat: 0, limits }).request.job)
    clock.advance(DAY_MS)
    expect(reserve({ amountMsat: 1, limits }).result).toMatchObject({ reason: 'budget' })
  })

  it('may be lowered below what is spent, and raised again', () => {
    const { reserve, settle } = open()
    const ask = (budgetMsatPerDay: number) =>
      reserve({ amountMsat: 10, limits: limitsOf({ budgetMsatPerDay }) })
    settle(ask(100).request.job, 10)
    expect(ask(5).result).toMatchObject({ reason: 'budget', limit: 5 })
    expect(ask(19).result.ok).toBe(false)
    expect(ask(20).result.ok).toBe(true)
  })

  it('counts from when it is set, and also what was held since', () => {
    const { reserve, settle, sql } = open()
    settle(reserve({ amountMsat: 50 }).request.job, 50)
    const before = reserve({ amountMsat: 50 }).request.job
    const limits = limitsOf({ budgetMsatPerDay: 60 })
    const after = reserve({ amountMsat: 60, limits })
    expect(after.result.ok).toBe(true)
    settle(before, 50)
    settle(after.request.job, 60)
    expect(reserve({ amountMsat: 1, limits }).result.ok).toBe(false)
    auditLedger(sql)
  })

  it('leaves no row behind of keys that are idle for a day', () => {
    const { clock, reserve, settle, book, sql } = open()
    const limits = limitsOf({ maxConcurrent: 9 })
    const rows = () => sql.exec('select api_key from key_spend').map((row) => row['api_key'])
    settle(reserve({ limits }).request.job)
    reserve({ limits, apiKeyId: 'busy' as ApiKeyId, expiresAt: clock.now() + 9 * DAY_MS })
    book.tidy()
    expect(rows()).toHaveLength(2)
    clock.advance(DAY_MS)
    book.tidy()
    expect(rows()).toEqual(['busy'])
  })
})

describe('a transaction that fails', () => {
  it('takes nothing of any limit', async () => {
    const { book, run, reserve, clock } = open()
    const limits = limitsOf({
      requestsPerMinute: 1,
      tokensPerMinute: 10,
      maxConcurrent: 1,
      budgetMsatPerDay: 5,
    })
    const once = onceOf(ALICE)
    expect(() =>
      run(() => {
        book.beginOnce(once)
        const hold = { limits, tokens: 10, amountMsat: 5, once: once.job }
        book.reserve(holdOf(ALICE, hold))
        throw new Error('disk full')
      }),
    ).toThrow('disk full')
    expect(reserve({ limits, tokens: 10, amountMsat: 5 }).result.ok).toBe(true)
    expect(run(() => book.beginOnce(once))).toEqual({ state: 'new' })
    const waiting = book.awaitOnce(ALICE, once.key, clock.now() + 9)
    expect(() =>
      run(() => {
        book.finishOnce({ accountId: ALICE, key: once.key, job: once.job, answer: storedAnswer() })
        throw new Error('disk full')
      }),
    ).toThrow('disk full')
    const first = await Promise.race([waiting, Promise.resolve('waiting')])
    expect(first).toBe('waiting')
    expect(run(() => book.beginOnce(once))).toMatchObject({ state: 'running' })
  })
})

describe('tidying', () => {
  it('is due when the next hold expires or the next answer is old', () => {
    const { clock, book, run, reserve } = open()
    expect(book.nextTidy()).toBeUndefined()
    run(() => book.beginOnce(onceOf(ALICE, { now: clock.now() })))
    expect(book.nextTidy()).toBe(clock.now() + ONCE_KEPT_MS)
    reserve({ amountMsat: 9 })
    expect(book.nextTidy()).toBe(clock.now() + EXPIRY_MS + 1)
    clock.advance(EXPIRY_MS + 1)
    book.tidy()
    expect(book.balance(ALICE)).toMatchObject({ reservedMsat: 0, openHolds: 0 })
    clock.advance(ONCE_KEPT_MS)
    book.tidy()
    expect(book.nextTidy()).toBeUndefined()
  })
})

const sum = (list: readonly { amount: number }[]) =>
  list.reduce((total, { amount }) => total + amount, 0)

describe('any interleaving of two keys of an account', () => {
  const KEYS = ['limited', 'free'] as const
  const CREDIT = 900
  const limits = {
    limited: limitsOf(
      { budgetMsatPerDay: 100, maxConcurrent: 3 },
      { budgetMsatPerDay: 150, maxConcurrent: 5 },
    ),
    free: limitsOf({}, { budgetMsatPerDay: 150, maxConcurrent: 5 }),
  }
  const operation = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('reserve' as const, 'rollback' as const, 'reserve' as const),
        key: fc.constantFrom(...KEYS),
        amount: fc.nat({ max: 60 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        pick: fc.nat(),
        part: fc.nat({ max: 60 }),
      }),
    },
    fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 500, DAY_MS / 3) }),
    fc.record({ do: fc.constantFrom('tidy' as const, 'restart' as const, 'recover' as const) }),
  )

  it('lets exactly those through that fit, and captures no more than a day’s budget', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 70, size: 'max' }), (operations) => {
        const test = open(CREDIT)
        const { sql, clock, run } = test
        const holds = new Map<JobId, { key: 'limited' | 'free'; amount: number; until: number }>()
        const spent = { limited: new Map<number, number>(), free: new Map<number, number>() }
        const today = (key: 'limited' | 'free') => spent[key].get(dayOf(clock.now())) ?? 0
        const of = (key: 'limited' | 'free') =>
          [...holds.values()].filter((hold) => hold.key === key)
        const total = () =>
          KEYS.reduce((all, key) => all + [...spent[key].values()].reduce((a, b) => a + b, 0), 0)
        const fits = (key: 'limited' | 'free', amount: number) =>
          total() + sum([...holds.values()]) + amount <= CREDIT &&
          holds.size < 5 &&
          today('limited') + today('free') + sum([...holds.values()]) + amount <= 150 &&
          (key === 'free' || (of(key).length < 3 && today(key) + sum(of(key)) + amount <= 100))

        for (const next of operations) {
          if (next.do === 'reserve' || next.do === 'rollback') {
            const { key, amount } = next
            const request = holdOf(ALICE, {
              apiKeyId: key as string as ApiKeyId,
              job: newJobId(1),
              amountMsat: amount,
              expiresAt: clock.now() + EXPIRY_MS,
              limits: limits[key],
            })
            if (next.do === 'rollback') {
              const act = () =>
                run((book) => {
                  book.reserve(request)
                  throw new Error('rolled back')
                })
              expect(act).toThrow('rolled back')
            } else {
              expect(run((book) => book.reserve(request)).ok).toBe(fits(key, amount))
              // The same question again changes nothing.
              if (fits(key, amount)) run((book) => book.reserve(request))
              if (fits(key, amount)) holds.set(request.job, { ...next, until: request.expiresAt })
            }
          } else if (next.do === 'settle') {
            const [job, hold] = [...holds][next.pick % Math.max(1, holds.size)] ?? []
            if (job === undefined || hold === undefined) continue
            const costMsat = Math.min(next.part, hold.amount)
            expect(test.settle(job, costMsat)).toBe(true)
            holds.delete(job)
            spent[hold.key].set(dayOf(clock.now()), today(hold.key) + costMsat)
          } else if (next.do === 'advance') clock.advance(next.ms)
          else if (next.do === 'tidy') {
            test.book.tidy()
            for (const [job, { until }] of holds) if (until < clock.now()) holds.delete(job)
          } else {
            test.book = test.start()
            if (next.do === 'restart') continue
            test.book.recover()
            holds.clear()
          }
          auditLedger(sql)
          const usage = test.book.keyUsage(ALICE, 'limited' as ApiKeyId, limits.limited)
          expect(usage.key).toMatchObject({
            spentTodayMsat: today('limited'),
            reservedMsat: sum(of('limited')),
            openHolds: of('limited').length,
          })
          expect(usage.account).toMatchObject({
            spentTodayMsat: today('limited') + today('free'),
            reservedMsat: sum([...holds.values()]),
            openHolds: holds.size,
          })
          expect(usage.key.spentTodayMsat).toBeLessThanOrEqual(100)
          expect(usage.account.spentTodayMsat).toBeLessThanOrEqual(150)
        }
        expect(test.book.balance(ALICE)).toMatchObject({
          availableMsat: CREDIT - total() - sum([...holds.values()]),
        })
        sql.close()
      }),
      { numRuns: 150 },
    )
  })
})

describe('events that Postgres refuses', () => {
  it("hold up their own account's and nobody else's", async () => {
    const { book, run, reserve, settle } = open()
    const bob = newAccountId(2)
    run((book) => book.deposit(bob, 'r', 5))
    settle(reserve().request.job)
    let sound = false
    const written: string[] = []
    const store = {
      writeLedgerEvents: async ({ deposits, records }: LedgerBatch) => {
        if (!sound && deposits.some(({ accountId }) => accountId === ALICE)) {
          throw new DbError('an account would owe', '23514')
        }
        written.push(...deposits.map(({ accountId }) => accountId), ...records.map(() => 'job'))
      },
    }
    await expect(book.flush(store)).rejects.toThrow('would owe')
    expect(written).toEqual([bob])
    expect(book.outboxSize).toBe(2)
    sound = true
    await book.flush(store)
    expect(written).toEqual([bob, ALICE, 'job'])
    expect(book.outboxSize).toBe(0)
  })
})
