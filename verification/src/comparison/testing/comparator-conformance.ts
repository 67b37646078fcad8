import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Comparator } from '../comparator.ts'

/** What every comparator promises. `results` makes any results at all, among them ones near each other. */
export function comparatorConformance<Result>(
  name: string,
  comparator: Comparator<Result>,
  results: fc.Arbitrary<Result>,
): void {
  const valid = results.filter((result) => comparator.fault(result) === undefined)

  describe(`${name}, as every comparator,`, () => {
    it('is reflexive', () => {
      fc.assert(
        fc.property(valid, (result) => {
          expect(comparator.compare(result, structuredClone(result))).toBe('agree')
        }),
      )
    })

    it('is symmetric', () => {
      fc.assert(
        fc.property(valid, valid, (one, other) => {
          expect(comparator.compare(one, other)).toBe(comparator.compare(other, one))
        }),
      )
    })

    it('says what is wrong with a result in few words', () => {
      fc.assert(
        fc.property(results, (result) => {
          expect((comparator.fault(result) ?? '').length).toBeLessThan(80)
        }),
      )
    })
  })
}
