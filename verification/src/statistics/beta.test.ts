import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { betaQuantile, regularizedBeta } from './beta.ts'

const shape = fc.double({ min: 0.05, max: 5000, noNaN: true })
const inside = fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true })

describe('regularizedBeta', () => {
  it.each([
    // I_x(1, 1) = x, I_x(a, 1) = x^a, I_x(2, 3) = 1 - (1-x)^3 (1+3x), I_x(1/2, 1/2) = (2/π) asin √x
    [0.3, 1, 1, 0.3],
    [0.5, 3, 1, 0.125],
    [0.3, 2, 3, 1 - 0.7 ** 3 * (1 + 3 * 0.3)],
    [0.25, 0.5, 0.5, 1 / 3],
    [0, 2, 3, 0],
    [1, 2, 3, 1],
  ])('at %d for (%d, %d) is %d', (x, a, b, expected) => {
    expect(regularizedBeta(x, a, b)).toBeCloseTo(expected, 12)
  })

  it('is the binomial tail: I_p(k, n-k+1) = P(at least k of n)', () => {
    const exactly = (k: number): number => [1, 10, 45, 120][k]! * 0.2 ** k * 0.8 ** (10 - k)
    const fewerThanFour = [0, 1, 2, 3].reduce((sum, k) => sum + exactly(k), 0)
    expect(regularizedBeta(0.2, 4, 7)).toBeCloseTo(1 - fewerThanFour, 12)
  })
})

describe('betaQuantile', () => {
  it.each([
    [0.05, 1, 1, 0.05],
    [0.5, 7, 7, 0.5],
    [0.99, 1, 100, 1 - 0.01 ** (1 / 100)],
    [0.05, 1, 4, 1 - 0.95 ** (1 / 4)],
  ])('of %d for (%d, %d) is %d', (p, a, b, expected) => {
    expect(betaQuantile(p, a, b)).toBeCloseTo(expected, 12)
  })

  it('inverts the distribution', () => {
    fc.assert(
      fc.property(inside, shape, shape, (p, a, b) => {
        const x = betaQuantile(p, a, b)
        // Where the density is steep the neighbouring doubles are far apart.
        fc.pre(x > 1e-9 && x < 1 - 1e-9)
        expect(regularizedBeta(x, a, b)).toBeCloseTo(p, 8)
      }),
    )
  })

  it('stays exact for a million samples', () => {
    const [a, b] = [3001, 1_000_001 - 3000]
    expect(regularizedBeta(betaQuantile(0.99, a, b), a, b)).toBeCloseTo(0.99, 9)
  })
})
