import { costMsat } from '@infernet/settlement/price'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainRules } from '../hub/match-rules.ts'
import { orderOf } from '../testing/job-orders.ts'
import { atFixedPrice, priceOf } from './fixed-price-order.ts'

const unit = fc.nat(1e9)
const prices = fc.record({ prompt: unit, completion: unit })
const tokens = fc.integer({ min: 1, max: 100_000 })

describe('an order at a fixed price', () => {
  it('costs its account nothing, and its provider gets no less than it asks', () => {
    fc.assert(
      fc.property(prices, tokens, tokens, fc.bigInt(1n, 10n ** 12n), (price, p, c, fixed) => {
        const holdMsat = costMsat(price, p, c)
        const rules = plainRules('chat.completions', price)
        const order = atFixedPrice({ ...orderOf(), rules, holdMsat }, fixed)
        expect(order.holdMsat).toBe(0)
        const { maxPrice } = order.rules
        expect(BigInt(costMsat(maxPrice, p, c))).toBeLessThanOrEqual(fixed)
        if (BigInt(holdMsat) <= fixed) expect(maxPrice).toEqual(price)
        else expect(maxPrice.prompt).toBeLessThanOrEqual(price.prompt)
      }),
    )
  })

  it('has a price that covers all it could cost, or none', () => {
    expect(priceOf({ holdMsat: 2_000_001 })).toBe(2_001_000n)
    expect(() => priceOf({ holdMsat: 5_000_000_000 })).toThrow(
      expect.objectContaining({ status: 400, code: 'price_above_maximum' }),
    )
  })
})
