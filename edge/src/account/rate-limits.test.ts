import { newAccountId, newJobId, type ApiKeyId } from '@infernet/schemas/ids'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HoldRequest, SpendLimits } from '../ports.ts'
import { limitsOf } from '../testing/spend-limits.ts'
import { isRated, MAX_RATED, RateLimits } from './rate-limits.ts'

const ALICE = newAccountId(1)
const KEY = 'key' as ApiKeyId

const requestOf = (
  key: Partial<SpendLimits>,
  account: Partial<SpendLimits> = {},
  fields: Partial<HoldRequest> = {},
): HoldRequest => ({
  accountId: ALICE,
  apiKeyId: KEY,
  job: newJobId(1),
  amountMsat: 1,
  tokens: 10,
  expiresAt: 1,
  limits: limitsOf(key, account),
  ...fields,
})

/** Takes what may be taken, as the account book does. */
function admit(rates: RateLimits, request: HoldRequest, now: number) {
  const refusal = rates.refusal(request, now)
  if (refusal === undefined) rates.take(request)
  rates.committed()
  return refusal
}

/** A request of another key for every number. */
const nth = (n: number) =>
  requestOf({ requestsPerMinute: 60 }, {}, { apiKeyId: `key ${n}` as ApiKeyId })

describe('rate limits', () => {
  it('concern only keys and accounts that have one', () => {
    expect(isRated(limitsOf())).toBe(false)
    expect(isRated(limitsOf({ maxConcurrent: 1, budgetMsatPerDay: 1 }))).toBe(false)
    expect(isRated(limitsOf({ tokensPerMinute: 1 }))).toBe(true)
    expect(isRated(limitsOf({}, { requestsPerMinute: 1 }))).toBe(true)
  })

  it('say whose limit it was, how high it is and when to come again', () => {
    const rates = new RateLimits()
    const request = requestOf({ requestsPerMinute: 2 }, { tokensPerMinute: 25 })
    const again = () => admit(rates, { ...request, job: newJobId(1) }, 0)
    expect([again(), again()]).toEqual([undefined, undefined])
    expect(again()).toEqual({
      reason: 'rate_limit_requests',
      scope: 'key',
      limit: 2,
      retryAfterMs: 30_000,
    })
    const other = { ...request, apiKeyId: 'other' as ApiKeyId }
    expect(admit(rates, other, 0)).toEqual({
      reason: 'rate_limit_tokens',
      scope: 'account',
      limit: 25,
      retryAfterMs: 12_000,
    })
    expect(admit(rates, other, 12_000)).toBeUndefined()
  })

  it('take nothing from a request that any of them refuses', () => {
    const rates = new RateLimits()
    const limits = [
      { requestsPerMinute: 5, tokensPerMinute: 15 },
      { requestsPerMinute: 1 },
    ] as const
    admit(rates, requestOf(...limits), 0)
    for (let i = 0; i < 9; i++) expect(admit(rates, requestOf(...limits), 0)).toBeDefined()
    const request = requestOf(...limits)
    expect(rates.windows(request, request.limits, 0)).toEqual({
      requests: { limit: 1, remaining: 0, resetMs: 60_000 },
      tokens: { limit: 15, remaining: 5, resetMs: 40_000 },
    })
    expect(rates.scopeWindows(request, request.limits, 'key', 0)).toMatchObject({
      requests: { limit: 5, remaining: 4 },
    })
  })

  it('give back the tokens that a job did not use, once', () => {
    const rates = new RateLimits()
    const request = requestOf({ tokensPerMinute: 100, requestsPerMinute: 100 })
    const left = () => rates.windows(request, request.limits, 0)
    admit(rates, request, 0)
    rates.giveBack(request.job, 4, 0)
    rates.giveBack(request.job, 0, 0)
    rates.giveBack(newJobId(1), 0, 0)
    expect(left()).toMatchObject({ tokens: { remaining: 96 }, requests: { remaining: 99 } })
  })

  it('count a job once, however often it is told', () => {
    const rates = new RateLimits()
    const request = requestOf({ requestsPerMinute: 1 })
    expect(admit(rates, request, 0)).toBeUndefined()
    expect(rates.refusal(request, 0)).toBeUndefined()
    expect(rates.refusal({ ...request, job: newJobId(1) }, 0)).toBeDefined()
  })

  it('are as before when a transaction is rolled back', () => {
    const rates = new RateLimits()
    const limits = { tokensPerMinute: 100, requestsPerMinute: 10 }
    const [kept, undone] = [requestOf(limits), requestOf(limits)]
    admit(rates, kept, 0)
    const before = rates.windows(kept, kept.limits, 0)
    rates.giveBack(kept.job, 3, 0)
    rates.take(undone)
    rates.giveBack(undone.job, 10, 0)
    rates.rolledBack()
    expect(rates.windows(kept, kept.limits, 0)).toEqual(before)
    rates.giveBack(undone.job, 0, 0)
    expect(rates.windows(kept, kept.limits, 0)).toEqual(before)
    rates.giveBack(kept.job, 3, 0)
    expect(rates.windows(kept, kept.limits, 0)).toMatchObject({ tokens: { remaining: 97 } })
  })

  it('remember a bounded number of keys, and forget those that are as new', () => {
    const rates = new RateLimits()
    for (let n = 0; n < MAX_RATED; n++) expect(admit(rates, nth(n), 0)).toBeUndefined()
    expect(admit(rates, nth(MAX_RATED), 0)).toEqual({ reason: 'backlog' })
    expect(admit(rates, nth(5), 0)).toBeUndefined()
    expect(admit(rates, nth(MAX_RATED), 1000)).toBeUndefined()
    expect(rates.size).toBe(2)
    expect(rates.windows(nth(5), nth(5).limits, 1000)).toMatchObject({
      requests: { remaining: 59 },
    })
  })

  const event = fc.record({
    afterMs: fc.nat(30_000),
    tokens: fc.nat(60),
    /** Part of them that is used, and when the job ends: after so many other requests. */
    used: fc.double({ min: 0, max: 1, noNaN: true }),
    endsAfter: fc.nat(5),
  })

  it('never let more through in any span of time than a full bucket and what flows in', () => {
    const perMinute = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(perMinute, perMinute, fc.array(event, { maxLength: 40 }), (rpm, tpm, events) => {
        const rates = new RateLimits()
        const ends: { at: number; job: HoldRequest; used: number }[] = []
        /** What was used in the end, by when it was let through. */
        const admitted: { now: number; tokens: number; used: number }[] = []
        let now = 0
        for (const [at, { afterMs, tokens, used, endsAfter }] of events.entries()) {
          now += afterMs
          for (const end of ends.filter((one) => one.at === at)) {
            rates.giveBack(end.job.job, end.used, now)
          }
          const request = requestOf(
            { requestsPerMinute: rpm, tokensPerMinute: tpm },
            {},
            { tokens },
          )
          const refusal = admit(rates, request, now)
          if (refusal !== undefined) continue
          const usedTokens = Math.floor(tokens * used)
          // A job that has not ended has used all that it may, as far as anybody knows.
          const ended = at + 1 + endsAfter < events.length
          ends.push({ at: at + 1 + endsAfter, job: request, used: usedTokens })
          admitted.push({ now, tokens, used: ended ? usedTokens : tokens })
        }
        for (const [i, first] of admitted.entries()) {
          let sum = 0
          for (const [n, last] of admitted.slice(i).entries()) {
            const flow = (last.now - first.now) / 60_000
            expect(n + 1).toBeLessThanOrEqual(rpm + rpm * flow)
            // One request larger than the bucket may leave it in debt.
            sum += last.used
            const debt = Math.max(0, ...admitted.map(({ tokens }) => tokens - tpm))
            expect(sum).toBeLessThanOrEqual(tpm + tpm * flow + debt)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
