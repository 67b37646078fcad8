import { msat, type Msat } from '@infernet/schemas/money'
import type { Price } from '@infernet/schemas/wire'

const MILLION = 1_000_000n

/**
 * Cost of tokens at a price in msat per million tokens, rounded up once per job to a whole msat, so
 * that no work is free and no client pays a whole msat above the exact price. Prices and tokens are
 * whole and not negative. Throws MoneyError for a cost over MAX_MSAT, RangeError for a fraction.
 */
export function costMsat(price: Price, promptTokens: number, completionTokens: number): Msat {
  const exact =
    BigInt(price.prompt) * BigInt(promptTokens) +
    BigInt(price.completion) * BigInt(completionTokens)
  return msat(Number((exact + MILLION - 1n) / MILLION))
}
