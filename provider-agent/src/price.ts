import type { Msat } from '@infernet/schemas/money'
import type { JobUsage, Price } from '@infernet/schemas/wire'
import { costMsat } from '@infernet/settlement/price'

/**
 * What is asked when `--price` does not say, in msat per million tokens: 100 and 400 sat, the
 * order of what small open models cost elsewhere.
 */
export const DEFAULT_PRICE: Price = { prompt: 100_000, completion: 400_000 }

/**
 * What a job's tokens come to, by the rule of the edge's bill. It is for the owner's eyes; what is
 * paid is settled by the edge from delivered tokens.
 */
export const earnedMsat = (price: Price, usage: JobUsage): Msat =>
  costMsat(price, usage.prompt_tokens, usage.completion_tokens)

export class PriceError extends Error {
  override readonly name = 'PriceError'
  readonly code = 'bad_price'
}

const MAX_PRICE = 1e12

/**
 * Reads `--price prompt=100000,completion=400000` (msat per million tokens; either may be left out
 * and keeps its default). Throws {@link PriceError}.
 */
export function parsePrice(text: string): Price {
  const price = { ...DEFAULT_PRICE }
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.trim().split('=')
    const amount = Number(value)
    const isKnown = name === 'prompt' || name === 'completion'
    if (!isKnown || !/^\d+$/.test(value) || amount > MAX_PRICE) {
      throw new PriceError(
        `cannot read the price '${text}'; write it like prompt=100000,completion=400000 (whole msat per million tokens)`,
      )
    }
    price[name] = amount
  }
  return price
}
