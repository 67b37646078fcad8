import { MAX_MSAT, MoneyError } from '@infernet/schemas/money'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { costMsat } from './price.ts'

const MILLION = 1_000_000n
const unit = fc.nat(1e12)
const price = fc.record({ prompt: unit, completion: unit })
/** Small enough that no cost passes MAX_MSAT. */
const tokens = fc.nat(1e9)

describe('costMsat', () => {
  it.each([
    [{ prompt: 100_000, completion: 400_000 }, 0, 0, 0],
    [{ prompt: 0, completion: 0 }, 1e9, 1e9, 0],
    [{ prompt: 100_000, completion: 400_000 }, 10, 0, 1],
    [{ prompt: 100_000, completion: 400_000 }, 11, 0, 2],
    [{ prompt: 1, completion: 0 }, 1, 0, 1],
    // Half a msat each: rounded once, not once per kind of token.
    [{ prompt: 500_000, completion: 500_000 }, 1, 1, 1],
    [{ prompt: 1_000_000, completion: 2_000_000 }, 3, 4, 11],
  ])(
    'is, for %o, %i prompt and %i completion tokens, %i msat',
    (price, prompt, completion, cost) => {
      expect(costMsat(price, prompt, completion)).toBe(cost)
    },
  )

  it('is exact where doubles are not', () => {
    const price = { prompt: 999_999_999_999, completion: 0 }
    expect(Math.ceil((price.prompt * 99_999_999) / 1e6)).toBe(99_999_998_999_900)
    expect(costMsat(price, 99_999_999, 0)).toBe(99_999_998_999_901)
  })

  it('is the exact price rounded up to a whole msat', () => {
    fc.assert(
      fc.property(price, tokens, tokens, (price, prompt, completion) => {
        const exact =
          BigInt(price.prompt) * BigInt(prompt) + BigInt(price.completion) * BigInt(completion)
        const excess = BigInt(costMsat(price, prompt, completion)) * MILLION - exact
        expect(excess).toBeGreaterThanOrEqual(0n)
        expect(excess).toBeLessThan(MILLION)
      }),
    )
  })

  it('never falls when there are more tokens, or they are dearer', () => {
    const more = fc.tuple(fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), fc.nat(1e6))
    fc.assert(
      fc.property(price, tokens, tokens, more, (price, prompt, completion, [a, b, c, d]) => {
        const dearer = { prompt: price.prompt + a, completion: price.completion + b }
        const cost = costMsat(price, prompt, completion)
        expect(costMsat(dearer, prompt + c, completion + d)).toBeGreaterThanOrEqual(cost)
      }),
    )
  })

  it('costs less in one job than in two, by at most one msat', () => {
    fc.assert(
      fc.property(price, tokens, tokens, (price, prompt, completion) => {
        const apart = costMsat(price, prompt, 0) + costMsat(price, 0, completion)
        const saved = apart - costMsat(price, prompt, completion)
        expect([0, 1]).toContain(saved)
      }),
    )
  })

  it('is exact up to the largest amount, and throws above it', () => {
    const perToken = { prompt: 1_000_000, completion: 1 }
    expect(costMsat(perToken, MAX_MSAT, 0)).toBe(MAX_MSAT)
    expect(costMsat(perToken, MAX_MSAT - 1, 1)).toBe(MAX_MSAT)
    expect(() => costMsat(perToken, MAX_MSAT, 1)).toThrow(MoneyError)
    const dear = { prompt: 1e12, completion: 1e12 }
    expect(() => costMsat(dear, MAX_MSAT, MAX_MSAT)).toThrow(MoneyError)
  })

  it('refuses fractions of a token or of a price', () => {
    expect(() => costMsat({ prompt: 1, completion: 1 }, 0.5, 0)).toThrow(RangeError)
    expect(() => costMsat({ prompt: 0.5, completion: 1 }, 1, 0)).toThrow(RangeError)
  })
})
