import { msat, type Msat } from '@infernet/schemas/money'
import { L402Error } from './l402-error.ts'

/** 1,000 sat: below it, paying costs a client more time and routing than the request is worth. */
export const MIN_BUNDLE_MSAT = msat(1_000_000)
/** 1,000,000 sat: whoever has a credential has its bundle, so a larger one needs an account. */
export const MAX_BUNDLE_MSAT = msat(1_000_000_000)

/**
 * What a client pays for a bundle when it asks for a request that is quoted at `quote`, the most that it
 * can cost. Whole satoshi, because many wallets pay no fraction of one. Throws {@link L402Error}
 * `bad_price` for a request above {@link MAX_BUNDLE_MSAT}: a bundle that cannot pay for it is not sold.
 */
export function bundlePrice(quote: Msat): Msat {
  if (quote > MAX_BUNDLE_MSAT)
    throw new L402Error('bad_price', `A bundle has at most ${MAX_BUNDLE_MSAT} msat`)
  return msat(Math.max(Math.ceil(quote / 1000) * 1000, MIN_BUNDLE_MSAT))
}
