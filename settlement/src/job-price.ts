import { MIN_ESCROW_MSAT } from './escrow/escrow-limits.ts'
import { JobPriceError } from './job-price-error.ts'

/**
 * What one HTLC could carry before large channels (BOLT 2's 2^32 - 1 msat, in whole sat): what is above it
 * many wallets cannot pay.
 */
export const MAX_JOB_PRICE_MSAT = 4_294_967_000n

/** How long a quote holds until somebody pays: prices move, and an open invoice takes a place. */
export const JOB_QUOTE_SECONDS = 900

const MSAT_PER_SAT = 1_000n

/**
 * The fixed price of a job that may cost `maxCostMsat`: whole satoshi, since many wallets pay no parts of
 * one, and no less than an escrow can be. Throws {@link JobPriceError} `too_dear`.
 */
export function fixedPrice(maxCostMsat: bigint): bigint {
  if (maxCostMsat < 0n) throw new JobPriceError('bad_work', `${maxCostMsat} msat is no cost`)
  const whole = ((maxCostMsat + MSAT_PER_SAT - 1n) / MSAT_PER_SAT) * MSAT_PER_SAT
  const price = whole > MIN_ESCROW_MSAT ? whole : MIN_ESCROW_MSAT
  if (price > MAX_JOB_PRICE_MSAT)
    throw new JobPriceError(
      'too_dear',
      `a job costs at most ${MAX_JOB_PRICE_MSAT} msat, this one ${price}`,
    )
  return price
}
