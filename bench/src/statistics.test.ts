import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { median, percentile } from './statistics.ts'

const times = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1 })
const fractions = fc.double({ min: 0.001, max: 1, noNaN: true })

describe('percentile', () => {
  it('is a value that the fraction of values does not exceed, and the smallest such', () => {
    fc.assert(
      fc.property(times, fractions, (values, fraction) => {
        const result = percentile(values, fraction)!
        expect(values).toContain(result)
        const share = (limit: (value: number) => boolean) =>
          values.filter(limit).length / values.length
        expect(share((value) => value <= result)).toBeGreaterThanOrEqual(fraction - 1e-12)
        expect(share((value) => value < result)).toBeLessThan(fraction)
      }),
    )
  })

  it('is undefined without values and leaves the list as it was', () => {
    expect(percentile([], 0.5)).toBeUndefined()
    const values = [3, 1, 2]
    percentile(values, 0.5)
    expect(values).toEqual([3, 1, 2])
  })
})

describe('median', () => {
  it.each([
    [[], undefined],
    [[7], 7],
    [[9, 1, 5], 5],
    [[10, 2], 6],
    [[1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], Number.POSITIVE_INFINITY],
  ])('of %j is %s', (values, expected) => expect(median(values)).toBe(expected))
})
