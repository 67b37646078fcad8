import { JobPriceError } from './job-price-error.ts'
import { fixedPrice } from './job-price.ts'

/** What the operator asks for computing, in whole msat. */
export interface ComputeRates {
  /** For a GPU, an hour. */
  readonly gpuHour: bigint
  /** For a GiB of memory, an hour. */
  readonly gibHour: bigint
  /** For 10^18 floating point operations. */
  readonly exaflop: bigint
}

/** Work that is not counted in tokens: a time on GPUs, or a number of operations, and memory meanwhile. */
export type ComputeWork = (
  | { readonly gpuSeconds: bigint }
  | {
      /** Floating point operations. */
      readonly flop: bigint
    }
) & { readonly memoryGibSeconds: bigint }

/** Some 2,000 sat for an hour of a large card, as it makes 4 × 10^14 operations a second. */
export const DEFAULT_COMPUTE_RATES: ComputeRates = {
  gpuHour: 2_000_000n,
  gibHour: 5_000n,
  exaflop: 1_400_000n,
}

/** A hundred sat for a second of one card: beyond it is a slip of the keyboard. */
const MAX_RATE = 360_000_000n
/** Eight cards for a month, and a TiB meanwhile. */
export const MAX_GPU_SECONDS = 8n * 30n * 86_400n
export const MAX_MEMORY_GIB_SECONDS = 1_024n * 30n * 86_400n
/** What those cards make of that month, generously. */
export const MAX_FLOP = 10n ** 23n

const SECONDS_PER_HOUR = 3_600n
const EXA = 10n ** 18n

/**
 * The price of work by its complexity: exact, then rounded up once to whole satoshi, within what an escrow
 * can be. It never falls when there is more of anything. Throws {@link JobPriceError} `bad_work` or
 * `too_dear`.
 */
export function computePrice(work: ComputeWork, rates: ComputeRates): bigint {
  const { memoryGibSeconds } = work
  assertWithin(memoryGibSeconds, 0n, MAX_MEMORY_GIB_SECONDS, 'GiB seconds')
  const perHour = memoryGibSeconds * rates.gibHour
  if ('flop' in work) {
    assertWithin(work.flop, 1n, MAX_FLOP, 'operations')
    // Over a common denominator, so that nothing is rounded twice.
    return fixedPrice(
      ceil(work.flop * rates.exaflop * SECONDS_PER_HOUR + perHour * EXA, SECONDS_PER_HOUR * EXA),
    )
  }
  assertWithin(work.gpuSeconds, 1n, MAX_GPU_SECONDS, 'GPU seconds')
  return fixedPrice(ceil(work.gpuSeconds * rates.gpuHour + perHour, SECONDS_PER_HOUR))
}

function assertWithin(value: bigint, least: bigint, most: bigint, what: string): void {
  if (value < least || value > most)
    throw new JobPriceError('bad_work', `a job takes ${least} to ${most} ${what}, not ${value}`)
}

const ceil = (numerator: bigint, denominator: bigint): bigint =>
  (numerator + denominator - 1n) / denominator

const NAMES = { gpu_hour: 'gpuHour', gib_hour: 'gibHour', exaflop: 'exaflop' } as const

/**
 * The operator's setting: `gpu_hour=2000000,gib_hour=5000,exaflop=1400000`, whole msat; what is left out is
 * as in {@link DEFAULT_COMPUTE_RATES}. Throws {@link JobPriceError} `bad_rates`.
 */
export function parseComputeRates(text: string | undefined): ComputeRates {
  const rates = { ...DEFAULT_COMPUTE_RATES }
  if (text === undefined || text === '') return rates
  for (const part of text.split(',')) {
    const [, name, digits] = /^ *(gpu_hour|gib_hour|exaflop)=(\d{1,9}) *$/.exec(part) ?? []
    const field = Object.entries(NAMES).find(([known]) => known === name)?.[1]
    const rate = BigInt(digits ?? 0)
    if (field === undefined || rate > MAX_RATE)
      throw new JobPriceError(
        'bad_rates',
        `cannot read the rates '${text}'; write them like gpu_hour=2000000,gib_hour=5000,exaflop=1400000 (whole msat, at most ${MAX_RATE})`,
      )
    rates[field] = rate
  }
  return rates
}
