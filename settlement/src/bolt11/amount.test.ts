import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAmount, MAX_INVOICE_MSAT, parseAmount } from './amount.ts'

describe('amounts', () => {
  it.each([
    [1n, '10p'],
    [100n, '1n'],
    [1_000n, '10n'],
    [250_000_000n, '2500u'],
    [2_000_000_000n, '20m'],
    [100_000_000_000n, '1'],
    [967_878_534n, '9678785340p'],
  ])('%d msat is %s', (amountMsat, text) => {
    expect(formatAmount(amountMsat)).toBe(text)
    expect(parseAmount(text)).toBe(amountMsat)
  })

  it('are read back as they were written', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, MAX_INVOICE_MSAT), (amountMsat) => {
        expect(parseAmount(formatAmount(amountMsat))).toBe(amountMsat)
      }),
    )
  })

  it.each(['', '0', '01m', '1x', '1mm', '-1', '1.5', '11p', '21000001', '9'.repeat(21)])(
    'refuses %j',
    (text) => {
      expect(() => parseAmount(text)).toThrow(expect.objectContaining({ code: 'amount' }))
    },
  )
})
