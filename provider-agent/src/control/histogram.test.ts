import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countOf, emptyHistogram, observed, quantileOf } from './histogram.ts'

const BOUNDS = [1, 2, 5, 10, 20, 50, 100]
const of = (values: readonly number[]) => values.reduce(observed, emptyHistogram(BOUNDS))

/** Which bucket a value is in. */
const bucketOf = (value: number) => BOUNDS.filter((bound) => bound < value).length

describe('a histogram', () => {
  it('counts every value once', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 200, noNaN: true })), (values) => {
        const histogram = of(values)
        expect(countOf(histogram)).toBe(values.length)
        for (const [bucket, count] of histogram.counts.entries()) {
          expect(count).toBe(values.filter((value) => bucketOf(value) === bucket).length)
        }
      }),
    )
  })

  it('has quantiles in the bucket that the true ones are in', () => {
    const some = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1 })
    fc.assert(
      fc.property(some, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
        const rank = Math.ceil(share * values.length - 1e-9)
        const exact = values.toSorted((a, b) => a - b)[rank - 1]!
        const found = quantileOf(of(values), share)!
        const bucket = bucketOf(exact)
        expect(found).toBeGreaterThanOrEqual(BOUNDS[bucket - 1] ?? 0)
        expect(found).toBeLessThanOrEqual(BOUNDS[bucket]!)
      }),
    )
  })

  it('has none without values, and no more than its last bound', () => {
    expect(quantileOf(of([]), 0.5)).toBeUndefined()
    expect(quantileOf(of([1e9]), 0.99)).toBe(100)
  })
})
