import { describe, expect, it } from 'vitest'
import { seededRandom } from '../economics/random.ts'
import { quantile, sureQuantile } from './quantile.ts'

describe('quantile', () => {
  it.each([
    [0, 1],
    [0.25, 1],
    [0.26, 2],
    [0.5, 2],
    [0.99, 4],
    [1, 4],
  ])('of %d in 1, 2, 3, 4 is %d', (probability, expected) => {
    expect(quantile([1, 2, 3, 4], probability)).toBe(expected)
  })

  it('of nothing is an error', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError)
  })
})

describe('sureQuantile', () => {
  const counted = (count: number) => Array.from({ length: count }, (_, i) => i)

  it.each([
    // Rates of 1 % and 0.1 % at 95 %: as many may lie beyond as a bound of Clopper and Pearson's allows.
    [298, 0.01, undefined],
    [299, 0.01, 298],
    [1_000, 0.01, 995],
    [2_994, 0.001, undefined],
    [2_995, 0.001, 2_994],
    [0, 0.5, undefined],
  ])('of 0 to %d for a rate of %d is %s', (count, rate, expected) => {
    expect(sureQuantile(counted(count), rate, 0.95)).toBe(expected)
  })

  it('is exceeded too often in one of twenty samples, where the plain one is in every second', () => {
    const random = seededRandom(5)
    const tooOften = (of: (ascending: readonly number[]) => number | undefined): number => {
      const samples = Array.from({ length: 400 }, () =>
        Array.from({ length: 500 }, random).sort((a, b) => a - b),
      )
      // Of even draws between 0 and 1 as many exceed x as x is from 1.
      return samples.filter((one) => 1 - (of(one) ?? 1) > 0.02).length / samples.length
    }
    expect(tooOften((one) => sureQuantile(one, 0.02, 0.95))).toBeLessThan(0.08)
    expect(tooOften((one) => quantile(one, 0.98))).toBeGreaterThan(0.4)
  })
})
