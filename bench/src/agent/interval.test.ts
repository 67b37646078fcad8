import { describe, expect, it } from 'vitest'
import { medianInterval } from './interval.ts'

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1).toReversed()

describe('medianInterval', () => {
  // Ranks of tables of the sign test.
  it.each([
    [5, undefined],
    [6, { low: 1, high: 6 }],
    [8, { low: 1, high: 8 }],
    [9, { low: 2, high: 8 }],
    [12, { low: 3, high: 10 }],
    [20, { low: 6, high: 15 }],
  ])('of %i values', (n, expected) => expect(medianInterval(upTo(n))).toEqual(expected))
})
