import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { creditLimitMsat, hasCredit, securityOf } from './credit-limit.ts'
import { HOLDBACK_POLICY, releasableMsat, type Earning } from './holdback.ts'

const DAY = 86_400_000
const START = Date.UTC(2026, 9, 1)
const veteran: Earning = { netMsat: 301n, earnedAt: START + 30 * DAY, firstEarnedAt: START }
const newcomer: Earning = { netMsat: 301n, earnedAt: START + DAY, firstEarnedAt: START }
const calm = { auditLagMs: 0, isSuspect: false }

describe('holdback', () => {
  it.each([
    ['a veteran before a day', veteran, DAY - 1, 0n],
    ['a veteran after a day', veteran, DAY, 301n],
    ['a newcomer before a day', newcomer, DAY - 1, 0n],
    ['a newcomer after a day', newcomer, DAY, 150n],
    ['a newcomer before a week', newcomer, 7 * DAY - 1, 150n],
    ['a newcomer after a week', newcomer, 7 * DAY, 301n],
  ])('%s', (_, earning, age, expected) => {
    expect(releasableMsat(earning, { ...calm, now: earning.earnedAt + age })).toBe(expected)
  })

  it('waits for audits that are behind', () => {
    const late = { ...calm, auditLagMs: 3 * DAY }
    expect(releasableMsat(veteran, { ...late, now: veteran.earnedAt + 2 * DAY })).toBe(0n)
    expect(releasableMsat(veteran, { ...late, now: veteran.earnedAt + 3 * DAY })).toBe(301n)
  })

  it('releases nothing under suspicion', () => {
    const now = veteran.earnedAt + 90 * DAY
    expect(releasableMsat(veteran, { now, auditLagMs: 0, isSuspect: true })).toBe(0n)
  })

  it('never takes back with time, nor releases more than there is', () => {
    const time = fc.nat({ max: 30 * DAY })
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 9n }), time, time, time, (net, at, a, b) => {
        const earning = { netMsat: net, earnedAt: START + at, firstEarnedAt: START }
        const at_ = (age: number) =>
          releasableMsat(earning, { ...calm, now: earning.earnedAt + age }, HOLDBACK_POLICY)
        expect(at_(Math.min(a, b))).toBeLessThanOrEqual(at_(Math.max(a, b)))
        expect(at_(Math.max(a, b))).toBeLessThanOrEqual(net)
      }),
    )
  })
})

describe('credit', () => {
  const fresh = { bondMsat: 5_000_000n, heldMsat: 0n, unverifiedMsat: 0n }

  it('is a third of a newcomer’s bond', () => {
    expect(creditLimitMsat(fresh)).toBe(1_666_666n)
  })

  it('grows with verified holdback, not with unverified', () => {
    const earned = { ...fresh, heldMsat: 1_000_000n }
    expect(creditLimitMsat(earned)).toBe(2_000_000n)
    expect(creditLimitMsat({ ...earned, unverifiedMsat: 1_000_000n })).toBe(1_666_666n)
  })

  it('takes a job that just fits, and no other', () => {
    const used = { ...fresh, heldMsat: 666_666n, unverifiedMsat: 666_666n }
    expect(hasCredit(used, 1_000_000n)).toBe(true)
    expect(hasCredit(used, 1_000_001n)).toBe(false)
  })

  it('is none for who has nothing, and never below', () => {
    expect(hasCredit({ bondMsat: 0n, heldMsat: 0n, unverifiedMsat: 0n }, 1n)).toBe(false)
    expect(securityOf({ bondMsat: 0n, heldMsat: 1n, unverifiedMsat: 2n })).toBe(0n)
  })
})
