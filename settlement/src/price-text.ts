import { priceSchema, type Price } from '@infernet/schemas/wire'

export class PriceError extends Error {
  override readonly name = 'PriceError'
  readonly code = 'bad_price'
}

/**
 * Reads `prompt=100000,completion=400000` (msat per million tokens; either may be left out and is then
 * as in `defaults`). Throws {@link PriceError}.
 */
export function parsePrice(text: string, defaults: Price): Price {
  const price = { ...defaults }
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.trim().split('=')
    if ((name !== 'prompt' && name !== 'completion') || !/^\d+$/.test(value)) throw unreadable(text)
    price[name] = Number(value)
  }
  const result = priceSchema.safeParse(price)
  if (!result.success) throw unreadable(text)
  return result.data
}

const unreadable = (text: string): PriceError =>
  new PriceError(
    `cannot read the price '${text}'; write it like prompt=100000,completion=400000 (whole msat per million tokens)`,
  )
