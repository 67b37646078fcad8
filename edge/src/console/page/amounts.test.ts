import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatSat, inSat, parseSat, satPerMillion } from './amounts.ts'

describe('formatSat', () => {
  it.each([
    [0n, '0'],
    [1n, '0.001'],
    [999n, '0.999'],
    [1_000n, '1'],
    [1_500n, '1.5'],
    [999_999n, '999.999'],
    [1_234_567n, '1,234.567'],
    [1_000_000_000n, '1,000,000'],
    [-1_500n, '-1.5'],
  ])('writes %s msat as %s', (msat, text) => {
    expect(formatSat(msat)).toBe(text)
  })

  it('loses no msat', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 60n }), (msat) => {
        const [sat = '', rest = ''] = formatSat(msat).replaceAll(',', '').split('.')
        expect(BigInt(sat) * 1000n + BigInt(rest.padEnd(3, '0'))).toBe(msat)
      }),
    )
  })
})

describe('parseSat', () => {
  it.each([
    ['1000', 1000n],
    [' 1,000 ', 1000n],
    ['1 000 000', 1_000_000n],
    ['1_000', 1000n],
    ['007', 7n],
  ])('reads %j', (text, sat) => {
    expect(parseSat(text)).toBe(sat)
  })

  it.each(['', ' ', '0', '-1', '1.5', '1,5', '1,00', '1e3', '0x10', 'one', '1'.repeat(16)])(
    'does not guess what %j means',
    (text) => {
      expect(parseSat(text)).toBeUndefined()
    },
  )

  it('reads what formatSat writes of whole sat', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 15n - 1n }), (sat) => {
        expect(parseSat(formatSat(sat * 1000n))).toBe(sat)
      }),
    )
  })
})

describe('satPerMillion', () => {
  it.each([
    ['0', '0'],
    ['100', '100,000'],
    ['0.5', '500'],
    ['0.0001', '0.1'],
    ['0.000001', '0.001'],
    ['1.2345', '1,234.5'],
    ['1000.000001', '1,000,000.001'],
  ])('%s msat a token are %s sat a million', (msat, sat) => {
    expect(satPerMillion(msat)).toBe(sat)
  })
})

describe('inSat', () => {
  it('says amounts of a message in sat, and leaves the rest', () => {
    expect(inSat('takes 1005000 msat, of which 5 msat are kept: job 12 has 3 sat')).toBe(
      'takes 1,005 sat, of which 0.005 sat are kept: job 12 has 3 sat',
    )
  })
})
