import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CONFIRMED_FAIL_WEIGHT,
  count,
  HALF_LIFE_MS,
  noCounts,
  type DecayedCounts,
} from './decayed-counts.ts'
import { lowerBound } from './lower-bound.ts'
import { score, type Reputation } from './score.ts'
import { speedFactor } from './speed.ts'
import { nextUptime, UPTIME_HALF_LIFE_MS } from './uptime.ts'

const NOW = Date.UTC(2026, 9, 20)
const weight = fc.double({ min: 0, max: 1e5, noNaN: true })
const anyCounts: fc.Arbitrary<DecayedCounts> = fc.record({
  good: weight,
  bad: weight,
  at: fc.constant(NOW),
})

describe('counts', () => {
  it('are worth half after a half-life', () => {
    const counts = count(noCounts(NOW), NOW, { good: 8, bad: CONFIRMED_FAIL_WEIGHT })
    expect(count(counts, NOW + HALF_LIFE_MS, {})).toEqual({
      good: 4,
      bad: CONFIRMED_FAIL_WEIGHT / 2,
      at: NOW + HALF_LIFE_MS,
    })
  })

  it('do not care how often they are brought up to date', () => {
    const times = fc.array(fc.integer({ min: 0, max: HALF_LIFE_MS }), { minLength: 1 })
    fc.assert(
      fc.property(anyCounts, times, (counts, offsets) => {
        const end = NOW + HALF_LIFE_MS
        const often = offsets
          .toSorted((a, b) => a - b)
          .reduce((sum, offset) => count(sum, NOW + offset, {}), counts)
        expect(count(often, end, {}).good).toBeCloseTo(counts.good / 2, 6)
      }),
    )
  })

  it('stay as they are when the clock goes back', () => {
    const counts = { good: 3, bad: 1, at: NOW }
    expect(count(counts, NOW - 1000, { good: 1 })).toEqual({ good: 4, bad: 1, at: NOW })
  })
})

describe('what one can count on', () => {
  it('is little of a newcomer, most of a veteran, less after a fail', () => {
    expect(lowerBound({ good: 0, bad: 0 })).toBeLessThan(0.2)
    expect(lowerBound({ good: 1000, bad: 0 })).toBeGreaterThan(0.99)
    expect(lowerBound({ good: 100, bad: CONFIRMED_FAIL_WEIGHT })).toBeLessThan(0.8)
  })

  it('is a share, rises with good and falls with bad', () => {
    fc.assert(
      fc.property(anyCounts, fc.double({ min: 0.1, max: 1000, noNaN: true }), (counts, more) => {
        const bound = lowerBound(counts)
        expect(bound).toBeGreaterThanOrEqual(0)
        expect(bound).toBeLessThanOrEqual(1)
        expect(lowerBound({ ...counts, good: counts.good + more })).toBeGreaterThanOrEqual(bound)
        expect(lowerBound({ ...counts, bad: counts.bad + more })).toBeLessThanOrEqual(bound)
      }),
    )
  })
})

describe('uptime', () => {
  it('is half gone after a half-life of absence', () => {
    expect(nextUptime(1, false, UPTIME_HALF_LIFE_MS)).toBeCloseTo(0.5, 12)
  })

  it('is the same however often one looks', () => {
    const twice = nextUptime(nextUptime(0.4, true, 1000), true, 5000)
    expect(twice).toBeCloseTo(nextUptime(0.4, true, 6000), 12)
  })
})

describe('speed', () => {
  const median = { firstTokenMs: 400, tokensPerSecond: 50 }

  it.each([
    ['as the median', 400, 50, 1],
    ['twice as late', 800, 50, 0.5],
    ['far too good to count', 1, 5000, 2.25],
    ['hardly there', 60_000, 1, 0.25],
    ['never measured', 0, 0, 1],
  ])('%s', (_, firstTokenMs, tokensPerSecond, expected) => {
    expect(speedFactor({ firstTokenMs, tokensPerSecond }, median)).toBe(expected)
  })
})

describe('the score', () => {
  const good: Reputation = {
    integrity: { good: 500, bad: 0, at: NOW },
    completion: { good: 5000, bad: 10, at: NOW },
    uptime: 0.99,
    speed: 1,
  }

  it('halves at twice the price', () => {
    expect(score(good, 200)).toBeCloseTo(score(good, 100) / 2, 12)
  })

  it('lets a discount of a third not make up for one confirmed fail in a hundred audits', () => {
    const failed = { good: 100, bad: CONFIRMED_FAIL_WEIGHT, at: NOW }
    const before = { ...good, integrity: { good: 100, bad: 0, at: NOW } }
    expect(score({ ...before, integrity: failed }, 67)).toBeLessThan(score(before, 100))
  })

  it('is finite for what is free, and nothing for who is never there', () => {
    expect(Number.isFinite(score(good, 0))).toBe(true)
    expect(score({ ...good, uptime: 0 }, 100)).toBe(0)
  })
})
