import type { ModelOffer, Price } from '@infernet/schemas/wire'
import { parsePrice, PriceError } from './price-text.ts'

/** What the operator lets providers ask, msat per million tokens, both ends included. */
export interface PriceBounds {
  readonly min: Price
  readonly max: Price
}

/**
 * A million sat per million tokens, several times what the dearest models are sold for. A hold covers
 * the dearest provider of a model, so that one with a price out of all reason would keep others'
 * clients from running anything.
 */
const DEFAULT_MAX = 1_000_000_000

const DEFAULT_BOUNDS: PriceBounds = {
  min: { prompt: 0, completion: 0 },
  max: { prompt: DEFAULT_MAX, completion: DEFAULT_MAX },
}

/** The operator's two settings, each like `prompt=…,completion=…` or absent. Throws {@link PriceError}. */
export function parsePriceBounds(min: string | undefined, max: string | undefined): PriceBounds {
  const bounds: PriceBounds = {
    min: read(min, DEFAULT_BOUNDS.min),
    max: read(max, DEFAULT_BOUNDS.max),
  }
  if (bounds.min.prompt > bounds.max.prompt || bounds.min.completion > bounds.max.completion) {
    throw new PriceError('the least price is above the highest')
  }
  return bounds
}

const read = (text: string | undefined, defaults: Price): Price =>
  text === undefined || text === '' ? defaults : parsePrice(text, defaults)

/** Why these offers are refused, for their provider's owner; undefined when all are within bounds. */
export function priceFault(models: readonly ModelOffer[], bounds: PriceBounds): string | undefined {
  for (const { id, price } of models) {
    for (const kind of ['prompt', 'completion'] as const) {
      const [asked, min, max] = [price[kind], bounds.min[kind], bounds.max[kind]]
      if (asked >= min && asked <= max) continue
      return `${kind} price ${asked} is not within ${min} to ${max} msat per million tokens (${id})`
    }
  }
  return undefined
}
