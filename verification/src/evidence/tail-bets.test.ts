import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tail } from './tail.ts'
import { tailEvidence, tailEvidencePath } from './tail-bets.ts'
import { randomOf, type Random } from './testing/synthetic-scores.ts'

const TAILS: readonly Tail[] = [
  { above: 0, rate: 0.3 },
  { above: 1, rate: 0.05 },
  { above: 2, rate: 0.004 },
]

const anyTails = fc
  .uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 12 })
  .map((rates) => rates.sort((a, b) => b - a).map((rate, i) => ({ above: i, rate: rate / 1000 })))
const anyValues = fc.array(fc.oneof(fc.double(), fc.constant(NaN)), { maxLength: 40 })

/** A value in the body, or in so many tails of TAILS, at `scale` times the rates. */
const honestValue = (random: Random, scale = 1): number => {
  const u = random() / scale
  return TAILS.filter(({ rate }) => u < rate).length - 0.5
}
const honestValues = (random: Random, tokens: number, scale = 1): number[] =>
  Array.from({ length: tokens }, () => honestValue(random, scale))

/** The mean of e over `runs`, and its standard error. */
function meanE(runs: number, logE: () => number): { mean: number; error: number } {
  const es = Array.from({ length: runs }, () => Math.exp(logE()))
  const mean = es.reduce((sum, e) => sum + e, 0) / runs
  const variance = es.reduce((sum, e) => sum + (e - mean) ** 2, 0) / runs
  return { mean, error: Math.sqrt(variance / runs) }
}

describe('the evidence of one token', () => {
  it('is 1 on average at exactly the honest rates, and no more below them', () => {
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 12,
      maxLength: 12,
    })
    fc.assert(
      fc.property(anyTails, shares, (tails, shrink) => {
        const mean = (rates: readonly number[]): number =>
          [1, ...rates].reduce((sum, rate, category) => {
            const inCategory = rate - (rates[category] ?? 0)
            return sum + inCategory * Math.exp(tailEvidence([category - 0.5], tails))
          }, 0)
        const bounds = tails.map(({ rate }) => rate)
        expect(mean(bounds)).toBeCloseTo(1, 9)
        const lower = bounds.map((rate, i) => rate * shrink[i]!)
        const nested = lower.map((rate, i) => Math.min(rate, ...lower.slice(0, i)))
        expect(mean(nested)).toBeLessThanOrEqual(1 + 1e-9)
      }),
    )
  })

  it('rises with the value', () => {
    const evidence = [-1, 0.5, 1.5, 2.5, Infinity].map((value) => tailEvidence([value], TAILS))
    expect(evidence).toEqual([...evidence].sort((a, b) => a - b))
    expect(evidence[0]).toBeLessThan(0)
    expect(evidence[3]).toBeGreaterThan(0)
  })

  it('cannot fail a request by itself at the least rate of a calibration', () => {
    expect(tailEvidence([Infinity], [{ above: 0, rate: 0.001 }])).toBeLessThan(Math.log(1e3))
  })
})

describe('the evidence of a request', () => {
  it('is at most 1 on average when honest tokens meet the rates or stay below them', () => {
    const random = randomOf(1)
    for (const scale of [1, 0.5]) {
      const { mean, error } = meanE(8000, () =>
        tailEvidence(honestValues(random, 30, scale), TAILS),
      )
      expect(mean).toBeLessThanOrEqual(1 + 4 * error)
    }
  })

  it('is at most 1 on average wherever one stops', () => {
    const random = randomOf(2)
    const { mean, error } = meanE(4000, () => {
      let last = 0
      for (const logE of tailEvidencePath(honestValues(random, 60), TAILS)) {
        last = logE
        if (logE > Math.log(3)) break
      }
      return last
    })
    expect(mean).toBeLessThanOrEqual(1 + 4 * error)
    expect(mean).toBeGreaterThan(0.3)
  })

  it('reaches 100 in fewer than one honest request in a hundred', () => {
    const random = randomOf(3)
    const reached = Array.from({ length: 1500 }, () =>
      [...tailEvidencePath(honestValues(random, 100), TAILS)].some((e) => e >= Math.log(100)),
    )
    expect(reached.filter(Boolean).length / 1500).toBeLessThanOrEqual(0.01)
  })

  it('is where its path ends, whatever the order', () => {
    fc.assert(
      fc.property(anyTails, anyValues, (tails, values) => {
        const path = [...tailEvidencePath(values, tails)]
        expect(path).toHaveLength(values.length)
        expect(path.at(-1) ?? 0).toBeCloseTo(tailEvidence(values, tails), 8)
        expect(tailEvidence(values.toReversed(), tails)).toBeCloseTo(tailEvidence(values, tails), 8)
      }),
    )
  })

  it('is 1 for no tokens, for NaN, and where nothing is known', () => {
    expect(tailEvidence([], TAILS)).toBeCloseTo(0, 12)
    expect(tailEvidence([NaN, NaN], TAILS)).toBeCloseTo(0, 12)
    expect(tailEvidence([1, 2, 3], [])).toBeCloseTo(0, 12)
    expect(tailEvidence([2.5, NaN, 0.5], TAILS)).toBe(tailEvidence([2.5, 0.5], TAILS))
  })

  it('stays finite for long answers', () => {
    const long = Array.from({ length: 100_000 }, () => Infinity)
    expect(tailEvidence(long, TAILS)).toBeGreaterThan(1e5)
    expect(Number.isFinite(tailEvidence(long, TAILS))).toBe(true)
  })
})
