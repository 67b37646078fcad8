/** Bounds of the platform fee in basis points: below it does not carry its costs, above it is no market. */
export const MIN_FEE_BPS = 50
export const MAX_FEE_BPS = 200
export const DEFAULT_FEE_BPS = 100

const WHOLE_BPS = 10_000n

export class FeeError extends Error {
  override readonly name = 'FeeError'
  readonly code = 'bad_fee'
}

/** The operator's setting in basis points, or the default. Throws {@link FeeError}. */
export function parseFeeBps(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_FEE_BPS
  const bps = Number(text)
  if (!/^\d+$/.test(text) || bps < MIN_FEE_BPS || bps > MAX_FEE_BPS) {
    throw new FeeError(
      `the fee is ${MIN_FEE_BPS} to ${MAX_FEE_BPS} basis points in whole numbers, not '${text}'`,
    )
  }
  return bps
}

/**
 * What a provider's price is divided into: the fee is rounded up to a whole msat, the provider gets
 * the rest, and both are exactly what the client pays. Postgres has the same: `platform_fee`.
 */
export function splitFee(gross: bigint, feeBps: number): { fee: bigint; net: bigint } {
  const fee = (gross * BigInt(feeBps) + WHOLE_BPS - 1n) / WHOLE_BPS
  return { fee, net: gross - fee }
}
