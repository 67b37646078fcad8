import { newAccountId, newJobId, type AccountId, type ApiKeyId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { beforeEach, describe, expect, it } from 'vitest'
import type { AccountPort, HoldRequest, HoldResult, SpendLimits } from '../ports.ts'
import { holdOf } from '../testing/holds.ts'
import { recordOf } from '../testing/job-records.ts'
import { onceOf, storedAnswer } from '../testing/once-requests.ts'
import { limitsOf } from '../testing/spend-limits.ts'

/** What the suite calls; a stub of a Durable Object has it too. */
export type AccountsUnderTest = Pick<
  AccountPort,
  | 'reserve'
  | 'deposit'
  | 'transfer'
  | 'balance'
  | 'keyUsage'
  | 'beginOnce'
  | 'finishOnce'
  | 'awaitOnce'
> & { settle(record: JobRecord): Promise<unknown> }

const CREDIT = 10_000

/** What every host of an account must do, however it groups calls and keeps time. */
export function testAccountHost(open: (id: AccountId) => AccountsUnderTest): void {
  let id: AccountId
  let account: AccountsUnderTest
  let apiKeyId: ApiKeyId
  beforeEach(async () => {
    id = newAccountId(Date.now())
    apiKeyId = `key of ${id}` as ApiKeyId
    account = open(id)
    await account.deposit(id, 'start', CREDIT)
  })
  const hold = (fields: Partial<HoldRequest> = {}) =>
    holdOf(id, {
      apiKeyId,
      job: newJobId(Date.now()),
      expiresAt: Date.now() + 60_000,
      ...fields,
    })
  const reserve = (fields: Partial<HoldRequest> = {}) => account.reserve(hold(fields))
  const settle = ({ job, amountMsat }: HoldRequest, fields: Partial<JobRecord> = {}) =>
    account.settle(recordOf(job, id, { holdMsat: amountMsat, ...fields }))
  /** Asks for all holds at once. */
  const crowd = async (size: number, fields: Partial<HoldRequest>) => {
    const holds = Array.from({ length: size }, () => hold(fields))
    const results = await Promise.all(holds.map((request) => account.reserve(request)))
    const held = holds.filter((_, index) => results[index]?.ok)
    return { held, refused: results.filter(({ ok }) => !ok) }
  }
  const begin = () => onceOf(id, { apiKeyId, job: newJobId(Date.now()), now: Date.now() })
  const scopes = [
    ['key', (limits: Partial<SpendLimits>) => limitsOf(limits)],
    ['account', (limits: Partial<SpendLimits>) => limitsOf({}, limits)],
  ] as const

  describe('money', () => {
    it('is held, captured and given back, once for a job', async () => {
      const request = hold({ amountMsat: 400 })
      expect(await account.reserve(request)).toEqual({ ok: true })
      expect(await account.reserve(request)).toEqual({ ok: true })
      const held = { availableMsat: CREDIT - 400, reservedMsat: 400, openHolds: 1 }
      expect(await account.balance(id)).toEqual(held)
      for (let i = 0; i < 2; i++) await settle(request, { costMsat: 150 })
      const settled = { availableMsat: CREDIT - 150, reservedMsat: 0, openHolds: 0 }
      expect(await account.balance(id)).toEqual(settled)
      expect(await account.deposit(id, 'start', CREDIT)).toEqual(settled)
    })

    it('is never held twice, however many want it at once', async () => {
      const { held, refused } = await crowd(9, { amountMsat: CREDIT / 4 })
      expect(held).toHaveLength(4)
      const refusal = { ok: false, reason: 'insufficient_credit', availableMsat: 0 }
      expect(refused).toEqual(Array.from({ length: 5 }, () => refusal))
    })

    it('is spent to its end and not beyond it by a crowd', async () => {
      const other = newAccountId(Date.now())
      const live = open(other)
      await live.deposit(other, 'start', 500)
      const spends = Array.from({ length: 200 }, async () => {
        const request = { ...hold({ amountMsat: 10 }), accountId: other }
        const { ok } = await live.reserve(request)
        if (ok) await live.settle(recordOf(request.job, other, { holdMsat: 10, costMsat: 10 }))
        return ok
      })
      expect((await Promise.all(spends)).filter(Boolean)).toHaveLength(50)
      expect(await live.balance(other)).toEqual({
        availableMsat: 0,
        reservedMsat: 0,
        openHolds: 0,
      })
    })

    it('is taken once for a job that is held and captured fifty times at once', async () => {
      const request = hold({ amountMsat: 400 })
      const spends = Array.from({ length: 50 }, async () => {
        await account.reserve(request)
        await settle(request, { costMsat: 150 })
      })
      await Promise.all(spends)
      const once = { availableMsat: CREDIT - 150, reservedMsat: 0, openHolds: 0 }
      expect(await account.balance(id)).toEqual(once)
    })
  })

  describe('a transfer', () => {
    it('is made once, however many make it at once', async () => {
      for (const amount of [700, -300]) {
        const reference = `r${amount}`
        const before = (await account.balance(id)).availableMsat
        const make = () => account.transfer(id, reference, amount)
        const outcomes = await Promise.all(Array.from({ length: 50 }, make))
        expect(new Set(outcomes)).toEqual(new Set(['done']))
        expect((await account.balance(id)).availableMsat).toBe(before + amount)
      }
    })

    it('stays refused when credit comes later', async () => {
      expect(await account.transfer(id, 'too much', -CREDIT - 1)).toBe('refused')
      await account.deposit(id, 'more', CREDIT)
      expect(await account.transfer(id, 'too much', -CREDIT - 1)).toBe('refused')
      expect(await account.transfer(id, 'another', -CREDIT - 1)).toBe('done')
      expect((await account.balance(id)).availableMsat).toBe(CREDIT - 1)
    })

    it('gives credit to an account that never had any', async () => {
      const other = newAccountId(Date.now())
      const live = open(other)
      expect(await live.transfer(other, 'take', -1)).toBe('refused')
      expect(await live.transfer(other, 'give', 5)).toBe('done')
      expect(await live.balance(other)).toEqual({ availableMsat: 5, reservedMsat: 0, openHolds: 0 })
    })

    it('never takes what is held, nor leaves a hold uncovered', async () => {
      const part = CREDIT / 5
      const holds = Array.from({ length: 6 }, () => reserve({ amountMsat: part }))
      const takes = Array.from({ length: 6 }, (_, n) => account.transfer(id, `take ${n}`, -part))
      const held = (await Promise.all(holds)).filter(({ ok }) => ok).length
      const taken = (await Promise.all(takes)).filter((outcome) => outcome === 'done').length
      expect(held + taken).toBe(5)
      expect(await account.balance(id)).toEqual({
        availableMsat: 0,
        reservedMsat: held * part,
        openHolds: held,
      })
    })
  })

  describe.each(scopes)('the limits of a whole %s', (scope, limit) => {
    it('are a budget for the day that no crowd exceeds, and that holds give back', async () => {
      const limits = limit({ budgetMsatPerDay: 100 })
      const { held, refused } = await crowd(15, { amountMsat: 10, limits })
      expect(held).toHaveLength(10)
      for (const result of refused) {
        expect(result).toMatchObject({ ok: false, reason: 'budget', scope, limit: 100 })
      }
      for (const request of held.slice(0, 5)) await settle(request, { costMsat: 4 })
      const again = await crowd(5, { amountMsat: 10, limits })
      expect(again.held).toHaveLength(3)
      for (const request of [...held.slice(5), ...again.held]) {
        await settle(request, { costMsat: 10 })
      }
      expect((await account.balance(id)).availableMsat).toBe(CREDIT - 100)
      expect(await reserve({ amountMsat: 1, limits })).toMatchObject({ ok: false })
      expect(await reserve({ amountMsat: 0, limits })).toMatchObject({ ok: true })
      const late = await reserve({ amountMsat: 1, limits })
      expect(!late.ok && 'retryAfterMs' in late && late.retryAfterMs).toBeLessThanOrEqual(
        86_400_000,
      )
      expect(await reserve({ amountMsat: 101, limits })).not.toHaveProperty('retryAfterMs')
    })

    it('are a number of requests that run at once', async () => {
      const limits = limit({ maxConcurrent: 3 })
      const { held, refused } = await crowd(8, { limits })
      expect(held).toHaveLength(3)
      const refusal: HoldResult = { ok: false, reason: 'too_many_open', scope, limit: 3 }
      expect(refused).toEqual(Array.from({ length: 5 }, () => refusal))
      await settle(held[0]!)
      expect((await crowd(8, { limits })).held).toHaveLength(1)
    })

    it('are requests a minute, which no end gives back', async () => {
      const limits = limit({ requestsPerMinute: 4 })
      const { held, refused } = await crowd(6, { limits })
      expect(held).toHaveLength(4)
      for (const result of refused) {
        expect(result).toMatchObject({ reason: 'rate_limit_requests', scope, limit: 4 })
      }
      for (const request of held) await settle(request)
      expect(await reserve({ limits })).toMatchObject({
        ok: false,
        rates: { requests: { limit: 4, remaining: 0 } },
      })
    })

    it('are tokens a minute, of which the unused ones come back', async () => {
      const limits = limit({ tokensPerMinute: 1_000 })
      const { held, refused } = await crowd(6, { tokens: 300, limits })
      expect(held).toHaveLength(3)
      for (const result of refused) {
        expect(result).toMatchObject({ reason: 'rate_limit_tokens', scope, limit: 1_000 })
      }
      await settle(held[0]!, { promptTokens: 10, completionTokens: 40 })
      const result = await reserve({ tokens: 300, limits })
      expect(result).toMatchObject({ ok: true, rates: { tokens: { limit: 1_000 } } })
      // 1,000 − 3 × 300 + 250 − 300, and what has flowed in since.
      expect(result.rates?.tokens?.remaining).toBeGreaterThanOrEqual(50)
      expect(result.rates?.tokens?.remaining).toBeLessThan(150)
    })

    it('take nothing from what they refuse', async () => {
      const limits = limit({ requestsPerMinute: 5, tokensPerMinute: 100, budgetMsatPerDay: 50 })
      expect(await reserve({ amountMsat: 51, tokens: 90, limits })).toMatchObject({
        reason: 'budget',
        rates: { requests: { remaining: 5 }, tokens: { remaining: 100 } },
      })
      expect(await reserve({ amountMsat: CREDIT + 1, limits: limit({}) })).toMatchObject({
        reason: 'insufficient_credit',
      })
      expect(await reserve({ amountMsat: 50, tokens: 90, limits })).toMatchObject({ ok: true })
      expect((await account.balance(id)).openHolds).toBe(1)
    })
  })

  describe('a budget for all that an account spends', () => {
    const reference = `inv:${'0'.repeat(64)}`

    it('is met by no crowd, whatever else is there', async () => {
      const bundle = newAccountId(Date.now())
      account = open(bundle)
      await account.transfer(bundle, reference, CREDIT)
      const asked = Array.from({ length: 200 }, () =>
        holdOf(bundle, {
          job: newJobId(Date.now()),
          amountMsat: 10,
          expiresAt: Date.now() + 60_000,
          totalBudgetMsat: 500,
        }),
      )
      const results = await Promise.all(asked.map((request) => account.reserve(request)))
      expect(results.filter(({ ok }) => ok)).toHaveLength(50)
      const refusal = { ok: false, reason: 'budget', scope: 'key', limit: 500, total: true }
      expect(results.filter(({ ok }) => !ok)).toEqual(Array.from({ length: 150 }, () => refusal))
      expect(await account.balance(bundle)).toMatchObject({ reservedMsat: 500, openHolds: 50 })
    })

    it('counts what others spend, and not what is given back or taken out', async () => {
      await account.transfer(id, reference, 1_000)
      await account.transfer(id, 'wd:1', -2_000)
      await account.transfer(id, 'wd:2', -1_000_000)
      const other = hold({ amountMsat: 300 })
      await account.reserve(other)
      const budget = { totalBudgetMsat: 500 }
      expect(await reserve({ amountMsat: 201, ...budget })).toMatchObject({ reason: 'budget' })
      await settle(other, { costMsat: 100 })
      expect(await reserve({ amountMsat: 400, ...budget })).toEqual({ ok: true })
      expect(await reserve({ amountMsat: 1, ...budget })).toMatchObject({ reason: 'budget' })
      expect(await reserve({ amountMsat: 0, ...budget })).toEqual({ ok: true })
      expect(await reserve({ amountMsat: 1 })).toEqual({ ok: true })
    })
  })

  describe('the usage of a key', () => {
    it('is what it spent and holds, and what is left of its limits and its account’s', async () => {
      const limits = limitsOf({ budgetMsatPerDay: 100 }, { requestsPerMinute: 7 })
      const [first, second] = [40, 30].map((amountMsat) => hold({ amountMsat, limits }))
      await account.reserve(first!)
      await settle(first!, { costMsat: 25 })
      await account.reserve(second!)
      await reserve({
        apiKeyId: `another ${apiKeyId}` as ApiKeyId,
        amountMsat: 5,
        limits: limitsOf(),
      })
      expect(await account.keyUsage(id, apiKeyId, limits)).toEqual({
        key: {
          limits: limits.key,
          spentTodayMsat: 25,
          reservedMsat: 30,
          openHolds: 1,
          budgetLeftMsat: 45,
        },
        account: {
          limits: limits.account,
          spentTodayMsat: 25,
          reservedMsat: 35,
          openHolds: 2,
          budgetLeftMsat: null,
          requests: { limit: 7, remaining: 5, resetMs: expect.any(Number) },
        },
      })
    })

    it('says nothing of what nobody counts', async () => {
      await reserve({ amountMsat: 5 })
      const { key } = await account.keyUsage(id, apiKeyId, limitsOf())
      expect(key).toMatchObject({ spentTodayMsat: null, reservedMsat: null, openHolds: null })
    })
  })

  describe('a request with an idempotency key', () => {
    it('runs once, however many send it at once, and all get its answer', async () => {
      const requests = Array.from({ length: 6 }, begin)
      const states = await Promise.all(requests.map((request) => account.beginOnce(request)))
      const [runner, ...more] = requests.filter((_, index) => states[index]?.state === 'new')
      expect(more).toEqual([])
      const waiting = Array.from({ length: 5 }, () =>
        account.awaitOnce(id, runner!.key, Date.now() + 10_000),
      )
      const answer = storedAnswer(new Uint8Array([0, 255, 10, 128]))
      await account.finishOnce({ accountId: id, key: runner!.key, job: runner!.job, answer })
      expect(await Promise.all(waiting)).toEqual([true, true, true, true, true])
      const state = await account.beginOnce(begin())
      expect(state).toMatchObject({ state: 'done', answer: { status: 200 } })
      expect(state.state === 'done' && [...state.answer.body]).toEqual([0, 255, 10, 128])
      const other = { ...begin(), fingerprint: 'other' }
      expect(await account.beginOnce(other)).toEqual({ state: 'conflict' })
    })

    it('is not run again when it was charged and has no answer', async () => {
      const request = begin()
      await account.beginOnce(request)
      const charged = hold({ amountMsat: 9, once: request.job })
      await account.reserve(charged)
      const end = { accountId: id, key: request.key, job: request.job, answer: undefined }
      await account.finishOnce(end)
      expect(await account.beginOnce(begin())).toMatchObject({ state: 'running' })
      const waiting = account.awaitOnce(id, request.key, Date.now() + 10_000)
      await settle(charged, { costMsat: 9, status: 'failed' })
      expect(await waiting).toBe(true)
      expect(await account.beginOnce(begin())).toMatchObject({
        state: 'done',
        answer: { status: 409 },
      })
    })

    it('is awaited until the deadline, and not when nothing runs', async () => {
      const request = begin()
      expect(await account.awaitOnce(id, request.key, Date.now() + 10_000)).toBe(true)
      await account.beginOnce(request)
      expect(await account.awaitOnce(id, request.key, Date.now() + 10)).toBe(true)
      expect(await account.beginOnce(begin())).toEqual({ state: 'running', job: request.job })
    })
  })
}
