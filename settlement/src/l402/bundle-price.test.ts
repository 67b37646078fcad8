import { msat } from '@infernet/schemas/money'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bundlePrice, MAX_BUNDLE_MSAT, MIN_BUNDLE_MSAT } from './bundle-price.ts'
import type { L402Error } from './l402-error.ts'

const badPrice = expect.objectContaining({ code: 'bad_price' }) as unknown as L402Error

describe('bundlePrice', () => {
  it.each([
    [0, 1_000_000],
    [999_999, 1_000_000],
    [1_000_000, 1_000_000],
    [1_000_001, 1_001_000],
    [1_000_000_000, 1_000_000_000],
  ])('of a request of %i msat is %i msat', (quote, price) => {
    expect(bundlePrice(msat(quote))).toBe(price)
  })

  it('is whole satoshi, covers the request, and stays within its bounds', () => {
    fc.assert(
      fc.property(fc.nat({ max: MAX_BUNDLE_MSAT }).map(msat), (quote) => {
        const price = bundlePrice(quote)
        expect(price % 1000).toBe(0)
        expect(price).toBeGreaterThanOrEqual(Math.max(quote, MIN_BUNDLE_MSAT))
        expect(price).toBeLessThanOrEqual(MAX_BUNDLE_MSAT)
        expect(price - Math.max(quote, MIN_BUNDLE_MSAT)).toBeLessThan(1000)
      }),
    )
  })

  it('refuses a request that no bundle may pay for', () => {
    expect(() => bundlePrice(msat(MAX_BUNDLE_MSAT + 1))).toThrow(badPrice)
  })
})
