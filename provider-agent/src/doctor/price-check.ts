import { parsePrice, PriceError } from '@infernet/settlement/price-text'
import { DEFAULT_PRICE } from '../price.ts'
import { failed, ok, type Check } from './check.ts'

/** Whether the price is one, in msat per million tokens. */
export const priceCheck = (price: string): Check => ({
  id: 'price',
  name: 'price',
  run() {
    try {
      const { prompt, completion } = parsePrice(price, DEFAULT_PRICE)
      return ok(`${prompt} msat per million prompt tokens, ${completion} per million generated`)
    } catch (error) {
      if (!(error instanceof PriceError)) throw error
      return failed(error.message, 'write it like --price prompt=100000,completion=400000')
    }
  },
})
