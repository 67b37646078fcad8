import { priceSchema } from '@infernet/schemas/wire'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ApiError } from './api-error.ts'
import {
  providerPreferencesSchema,
  toMsatPerMillion,
  withoutNulls,
} from './provider-preferences.ts'

const MOST = 1_000_000_000_000
const accepts = (value: unknown): boolean => providerPreferencesSchema.safeParse(value).success

describe('providerPreferencesSchema', () => {
  it.each([
    {},
    { order: ['a'], only: ['a', 'b'], ignore: [], allow_fallbacks: false },
    { require_parameters: true, data_collection: 'deny', zdr: true, quantizations: ['fp8'] },
    { sort: 'latency' },
    { sort: { by: 'throughput', partition: 'none' } },
    { sort: { by: 'price', partition: null } },
    { preferred_min_throughput: 50, preferred_max_latency: 0.5 },
    { preferred_min_throughput: { p90: 50 }, preferred_max_latency: { p50: 1, p99: 5 } },
    { max_price: { prompt: '0.001', completion: 2, request: '0', image: 1e-7 } },
    { max_price: { prompt: '1e-7' } },
    { order: null, sort: null, zdr: null, max_price: { prompt: null } },
    { verify: 'strict', open_audit: true },
    { verify: null, open_audit: null },
    { enforce_distillable_text: true },
  ])('accepts %j', (value) => {
    expect(accepts(value)).toBe(true)
  })

  it.each([
    { order: 'a' },
    { only: [''] },
    { ignore: Array.from({ length: 65 }, () => 'a') },
    { data_collection: 'maybe' },
    { sort: 'beauty' },
    { verify: 'always' },
    { verify: true },
    { open_audit: 'yes' },
    { sort: { by: 'beauty' } },
    { sort: { by: 'price', partition: 'all' } },
    { preferred_min_throughput: -1 },
    { preferred_max_latency: '1' },
    { preferred_max_latency: { p50: -1 } },
    { max_price: 5 },
    { max_price: { prompt: -1 } },
    { max_price: { prompt: '-1' } },
    { max_price: { prompt: 'Infinity' } },
    { max_price: { completion: 'NaN' } },
    { max_price: { completion: '' } },
    { max_price: { completion: '1,5' } },
    { max_price: { image: '0x10' } },
    { max_price: { prompt: '1'.repeat(33) } },
    { max_price: { prompt: '1e1000' } },
  ])('refuses %j', (value) => {
    expect(accepts(value)).toBe(false)
  })
})

describe('withoutNulls', () => {
  it('leaves out nulls at every depth, and nothing else', () => {
    const value = { a: null, b: [null, 1], c: { d: null, e: { f: null, g: false } }, h: 0 }
    expect(withoutNulls(value)).toEqual({ b: [null, 1], c: { e: { g: false } }, h: 0 })
    expect(value.a).toBeNull()
  })
})

describe('toMsatPerMillion', () => {
  it.each<[string | number, number]>([
    ['0', 0],
    [0, 0],
    [-0, 0],
    ['1', 1_000_000],
    ['0.000001', 1],
    ['0.0000019', 1],
    ['0.00000099999999999999999999999999', 0],
    ['0.001', 1000],
    [0.001, 1000],
    ['0.1', 100_000],
    // Computed in doubles, this would be 299999.99999999994.
    ['0.3', 300_000],
    [0.1 + 0.2, 300_000],
    ['1.0000005', 1_000_000],
    ['1e-6', 1],
    [1e-6, 1],
    [1e-7, 0],
    [1.5e-6, 1],
    [Number.MIN_VALUE, 0],
    ['1e-999', 0],
    ['999999.999999', 999_999_999_999],
    ['1000000', MOST],
    ['1000000.1', MOST],
    ['9'.repeat(32), MOST],
    ['1e999', MOST],
    [1e18, MOST],
    [123_456_789_012_345_680_000, MOST],
    [Number.MAX_VALUE, MOST],
  ])('%s is %i', (perToken, perMillion) => {
    expect(toMsatPerMillion(perToken)).toBe(perMillion)
  })

  it.each([NaN, Infinity, -Infinity, -1, '-1', '', ' 1', '1.', '.5', '0x10', '1e', 'Infinity'])(
    'refuses %s',
    (perToken) => {
      expect(() => toMsatPerMillion(perToken)).toThrow(ApiError)
    },
  )

  it('is the floor of the exact product, for any decimal', () => {
    const digits = fc.nat({ max: 999_999_999 })
    fc.assert(
      fc.property(fc.nat({ max: 99_999 }), digits, (whole, fraction) => {
        const text = `${whole}.${String(fraction).padStart(9, '0')}`
        const exact = (BigInt(whole) * 10n ** 9n + BigInt(fraction)) / 1000n
        expect(toMsatPerMillion(text)).toBe(Number(exact))
      }),
    )
  })

  it('takes any number that JSON can carry, and answers with a price of the wire', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), (perToken) => {
        expect(accepts({ max_price: { prompt: perToken, completion: String(perToken) } })).toBe(
          true,
        )
        const prompt = toMsatPerMillion(perToken)
        expect(toMsatPerMillion(String(perToken))).toBe(prompt)
        expect(priceSchema.safeParse({ prompt, completion: 0 }).success).toBe(true)
      }),
    )
  })

  it('is capped exactly where the wire is', () => {
    expect(priceSchema.safeParse({ prompt: MOST, completion: 0 }).success).toBe(true)
    expect(priceSchema.safeParse({ prompt: MOST + 1, completion: 0 }).success).toBe(false)
  })
})
