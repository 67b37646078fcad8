import { feeLimit } from '@infernet/settlement/payout/payout-policy'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { closingOf } from './closing.ts'

describe('closingOf', () => {
  it('sends whole satoshi, and sets all else aside for routing', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 15n), (rest) => {
        const closing = closingOf(rest)
        if (closing === undefined) {
          expect(rest).toBeLessThan(2000n)
          return
        }
        const { amountMsat, feeReserveMsat } = closing
        expect(amountMsat % 1000n).toBe(0n)
        expect(amountMsat + feeReserveMsat).toBe(rest)
        expect(feeReserveMsat).toBeGreaterThanOrEqual(feeLimit(amountMsat))
        expect(feeReserveMsat).toBeLessThan(feeLimit(rest) + 1000n)
      }),
    )
  })

  it.each([
    [0n, undefined],
    [1999n, undefined],
    [2000n, { amountMsat: 1000n, feeReserveMsat: 1000n }],
    [1_000_000n, { amountMsat: 995_000n, feeReserveMsat: 5000n }],
  ])('makes of %d msat %o', (rest, closing) => expect(closingOf(rest)).toEqual(closing))
})
