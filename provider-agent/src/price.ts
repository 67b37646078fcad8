import { MAX_MSAT, msat, MoneyError, type Msat } from '@infernet/schemas/money'
import type { JobUsage, Price } from '@infernet/schemas/wire'
import { costMsat } from '@infernet/settlement/price'

/**
 * What is asked when `--price` does not say, in msat per million tokens: 100 and 400 sat, the
 * order of what small open models cost elsewhere.
 */
export const DEFAULT_PRICE: Price = { prompt: 100_000, completion: 400_000 }

/**
 * What a job's tokens come to, by the rule of the edge's bill. It is for the owner's eyes; what is
 * paid is settled by the edge from delivered tokens. Where it would be over MAX_MSAT it is MAX_MSAT.
 */
export function earnedMsat(price: Price, usage: JobUsage): Msat {
  try {
    return costMsat(price, usage.prompt_tokens, usage.completion_tokens)
  } catch (error) {
    if (!(error instanceof MoneyError)) throw error
    return msat(MAX_MSAT)
  }
}
