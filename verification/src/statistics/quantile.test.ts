import { describe, expect, it } from 'vitest'
import { quantile } from './quantile.ts'

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
