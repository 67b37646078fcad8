import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkEscrowOrder, DEFAULT_HOLD_BLOCKS, MIN_ESCROW_MSAT } from './escrow/escrow-limits.ts'
import { fixedPrice, MAX_JOB_PRICE_MSAT } from './job-price.ts'

const costs = fc.bigInt(0n, MAX_JOB_PRICE_MSAT)

describe('a fixed price', () => {
  it.each([
    [0n, 1_000_000n],
    [1_000_000n, 1_000_000n],
    [1_000_001n, 1_001_000n],
    [MAX_JOB_PRICE_MSAT, MAX_JOB_PRICE_MSAT],
  ])('for at most %i msat is %i msat', (cost, price) => expect(fixedPrice(cost)).toBe(price))

  it('covers the cost by less than a satoshi, in whole satoshi, and is an escrow', () => {
    fc.assert(
      fc.property(costs, (cost) => {
        const price = fixedPrice(cost)
        expect(price % 1_000n).toBe(0n)
        expect(price >= cost && (price - cost < 1_000n || price === MIN_ESCROW_MSAT)).toBe(true)
        const order = { job: 'a', attempt: 0, payer: 'client:a', amountMsat: price } as const
        checkEscrowOrder({
          ...order,
          memo: '',
          expirySeconds: 900,
          cltvExpiry: DEFAULT_HOLD_BLOCKS,
        })
      }),
    )
  })

  it('is none beyond what a payment can carry, or for less than nothing', () => {
    const error = (code: string) => expect.objectContaining({ name: 'JobPriceError', code })
    expect(() => fixedPrice(MAX_JOB_PRICE_MSAT + 1n)).toThrow(error('too_dear'))
    expect(() => fixedPrice(-1n)).toThrow(error('bad_work'))
  })
})
