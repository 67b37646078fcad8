import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  computePrice,
  DEFAULT_COMPUTE_RATES,
  MAX_FLOP,
  MAX_GPU_SECONDS,
  MAX_MEMORY_GIB_SECONDS,
  parseComputeRates,
  type ComputeRates,
  type ComputeWork,
} from './compute-price.ts'
import { MIN_ESCROW_MSAT } from './escrow/escrow-limits.ts'
import { JobPriceError } from './job-price-error.ts'
import { MAX_JOB_PRICE_MSAT } from './job-price.ts'

const rate = fc.bigInt(0n, 1_000_000n)
const ratesOf = fc.record({ gpuHour: rate, gibHour: rate, exaflop: rate })
const memoryGibSeconds = fc.bigInt(0n, 1_000_000n)
const workOf: fc.Arbitrary<ComputeWork> = fc.oneof(
  fc.record({ gpuSeconds: fc.bigInt(1n, 1_000_000n), memoryGibSeconds }),
  fc.record({ flop: fc.bigInt(1n, 10n ** 21n), memoryGibSeconds }),
)

/** In msat × 3600 × 10^18, exactly. */
const exactly = (work: ComputeWork, rates: ComputeRates): bigint => {
  const memory = work.memoryGibSeconds * rates.gibHour * 10n ** 18n
  return 'flop' in work
    ? work.flop * rates.exaflop * 3_600n + memory
    : work.gpuSeconds * rates.gpuHour * 10n ** 18n + memory
}
const UNIT = 3_600n * 10n ** 18n

describe('the price of computing', () => {
  it.each([
    [{ gpuSeconds: 3_600n, memoryGibSeconds: 0n }, 2_000_000n],
    [{ gpuSeconds: 3_600n, memoryGibSeconds: 80n * 3_600n }, 2_400_000n],
    [{ gpuSeconds: 1n, memoryGibSeconds: 0n }, MIN_ESCROW_MSAT],
    [{ gpuSeconds: 3_601n, memoryGibSeconds: 0n }, 2_001_000n],
    [{ flop: 10n ** 19n, memoryGibSeconds: 0n }, 14_000_000n],
  ])('of %o is %i msat', (work, price) =>
    expect(computePrice(work, DEFAULT_COMPUTE_RATES)).toBe(price),
  )

  it('is the exact price, rounded up once to whole satoshi', () => {
    fc.assert(
      fc.property(workOf, ratesOf, (work, rates) => {
        const [price, exact] = [computePrice(work, rates), exactly(work, rates)]
        expect(price % 1_000n).toBe(0n)
        expect(price * UNIT >= exact).toBe(true)
        expect(price === MIN_ESCROW_MSAT || (price - 1_000n) * UNIT < exact).toBe(true)
      }),
    )
  })

  it('never falls when there is more of anything', () => {
    const more = fc.bigInt(0n, 1_000n)
    fc.assert(
      fc.property(workOf, ratesOf, more, more, (work, rates, time, memory) => {
        const larger: ComputeWork = {
          ...('flop' in work ? { flop: work.flop + time } : { gpuSeconds: work.gpuSeconds + time }),
          memoryGibSeconds: work.memoryGibSeconds + memory,
        }
        expect(computePrice(larger, rates)).toBeGreaterThanOrEqual(computePrice(work, rates))
      }),
    )
  })

  it('is within what an escrow can be, or there is none', () => {
    const wild = fc.record({
      gpuSeconds: fc.bigInt(-1n, 2n * MAX_GPU_SECONDS),
      memoryGibSeconds: fc.bigInt(-1n, 2n * MAX_MEMORY_GIB_SECONDS),
    })
    fc.assert(
      fc.property(wild, ratesOf, (work, rates) => {
        try {
          const price = computePrice(work, rates)
          expect(price >= MIN_ESCROW_MSAT && price <= MAX_JOB_PRICE_MSAT).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(JobPriceError)
        }
      }),
    )
  })

  it.each([
    [{ gpuSeconds: 0n, memoryGibSeconds: 0n }, 'bad_work'],
    [{ gpuSeconds: MAX_GPU_SECONDS + 1n, memoryGibSeconds: 0n }, 'bad_work'],
    [{ gpuSeconds: 1n, memoryGibSeconds: -1n }, 'bad_work'],
    [{ flop: MAX_FLOP + 1n, memoryGibSeconds: 0n }, 'bad_work'],
    [{ gpuSeconds: MAX_GPU_SECONDS, memoryGibSeconds: 0n }, 'too_dear'],
  ])('refuses %o', (work, code) => {
    expect(() => computePrice(work, DEFAULT_COMPUTE_RATES)).toThrow(
      expect.objectContaining({ name: 'JobPriceError', code }),
    )
  })
})

describe('the rates', () => {
  it('are the defaults where nothing is set', () => {
    expect(parseComputeRates(undefined)).toEqual(DEFAULT_COMPUTE_RATES)
    expect(parseComputeRates('')).toEqual(DEFAULT_COMPUTE_RATES)
    expect(parseComputeRates('gib_hour=7, exaflop=0')).toEqual({
      gpuHour: 2_000_000n,
      gibHour: 7n,
      exaflop: 0n,
    })
  })

  it.each(['gpu=1', 'gpu_hour=-1', 'gpu_hour=1.5', 'gpu_hour', 'gpu_hour=400000000', ','])(
    'refuse %s',
    (text) => {
      expect(() => parseComputeRates(text)).toThrow(
        expect.objectContaining({ name: 'JobPriceError', code: 'bad_rates' }),
      )
    },
  )
})
