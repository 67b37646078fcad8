import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clopperPearsonUpper, wilsonLowerBound } from './binomial-bounds.ts'

const counts = fc
  .tuple(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([trials, share]) => ({ trials, hits: Math.floor(share * trials) }))

describe('clopperPearsonUpper', () => {
  it.each([
    // The two-sided 95 % interval of 5 in 20 is [0.0866, 0.4910]; of 0 in 10 it ends at 0.3085.
    [5, 20, 0.975, 0.491],
    [0, 10, 0.975, 0.3085],
    [10, 10, 0.975, 1],
    [0, 300, 0.95, 1 - 0.05 ** (1 / 300)],
  ])('of %d in %d at %d is %d', (hits, trials, confidence, expected) => {
    expect(clopperPearsonUpper(hits, trials, confidence)).toBeCloseTo(expected, 4)
  })

  it('exceeds the share, and falls with more of the same', () => {
    fc.assert(
      fc.property(counts, ({ hits, trials }) => {
        const bound = clopperPearsonUpper(hits, trials, 0.99)
        expect(bound).toBeGreaterThanOrEqual(hits / trials)
        expect(clopperPearsonUpper(3 * hits, 3 * trials, 0.99)).toBeLessThanOrEqual(bound)
      }),
    )
  })
})

describe('wilsonLowerBound', () => {
  it.each([
    // The interval of 5 in 20 at z = 1.96 is [0.1119, 0.4687].
    [5, 20, 1.96, 0.1119],
    [10, 10, 1.645, 10 / (10 + 1.645 ** 2)],
    [0, 10, 1.645, 0],
    [0, 0, 1.645, 0],
  ])('of %d in %d at z = %d is %d', (hits, trials, z, expected) => {
    expect(wilsonLowerBound(hits, trials, z)).toBeCloseTo(expected, 4)
  })

  it('is at most the share, and not below 0', () => {
    fc.assert(
      fc.property(counts, ({ hits, trials }) => {
        const bound = wilsonLowerBound(hits, trials)
        expect(bound).toBeGreaterThanOrEqual(0)
        expect(bound).toBeLessThanOrEqual(hits / trials)
      }),
    )
  })
})
