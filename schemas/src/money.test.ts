import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatSat, MAX_MSAT, MoneyError, msat, parseMsat } from './money.ts'

const amount = fc.maxSafeNat()

describe('msat', () => {
  it.each([0, 1, MAX_MSAT])('takes %d', (value) => {
    expect(msat(value)).toBe(value)
  })

  it.each([-1, 0.5, MAX_MSAT + 1, 1e300, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses %d',
    (value) => {
      expect(() => msat(value)).toThrow(MoneyError)
    },
  )
})

describe('parseMsat', () => {
  it('reads every amount from its decimal string', () => {
    fc.assert(
      fc.property(amount, (value) => {
        expect(parseMsat(String(value))).toBe(value)
      }),
      { examples: [[0], [MAX_MSAT]] },
    )
  })

  it.each([
    '',
    ' 1',
    '1 ',
    '1\n',
    '01',
    '-1',
    '+1',
    '1.0',
    '1e3',
    '0x10',
    '1_000',
    '١',
    'NaN',
    String(MAX_MSAT + 1),
    '9007199254740993',
    '99999999999999999999',
  ])('refuses %j', (text) => {
    expect(() => parseMsat(text)).toThrow(MoneyError)
  })
})

describe('formatSat', () => {
  it.each([
    [0, '0'],
    [1, '0.001'],
    [10, '0.01'],
    [999, '0.999'],
    [1000, '1'],
    [1500, '1.5'],
    [100_000, '100'],
    [MAX_MSAT, '9007199254740.991'],
  ])('writes %d msat as %s', (value, text) => {
    expect(formatSat(msat(value))).toBe(text)
  })

  it('loses nothing', () => {
    fc.assert(
      fc.property(amount, (value) => {
        const [whole = '', rest = ''] = formatSat(msat(value)).split('.')
        expect(BigInt(whole + rest.padEnd(3, '0'))).toBe(BigInt(value))
      }),
    )
  })
})
