import { parsePrice, PriceError } from '@infernet/settlement/price-text'
import {
  PayoutFlagError,
  payoutText,
  readPayoutFlags,
  type PayoutFlags,
} from '../payout/payout-plan.ts'
import { DEFAULT_PRICE } from '../price.ts'
import { failed, ok, warning, type Check } from './check.ts'

/** Whether it was said, and well, where the earnings go. */
export const payoutCheck = (flags: PayoutFlags): Check => ({
  id: 'payout',
  name: 'payout',
  run() {
    try {
      const plan = readPayoutFlags(flags)
      if (plan !== undefined) return ok(payoutText(plan.payout))
      return warning('earnings will wait at the edge', 'say where they go: --payout user@domain')
    } catch (error) {
      if (!(error instanceof PayoutFlagError)) throw error
      return failed(error.message, 'write it like --payout me@wallet.example')
    }
  },
})

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
