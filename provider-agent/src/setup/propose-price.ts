import type { Price } from '@infernet/schemas/wire'
import { askPrices } from '../edge-api/ask-prices.ts'
import { EdgeAskError } from '../edge-api/ask-edge.ts'
import { highestPrice, medianPrice, priceBySize, type PricedModel } from './price-rules.ts'

/** Models whose prices are asked for; a server with more has them at much the same. */
const MAX_ASKED = 16
/** All of them, side by side. */
const ASK_MS = 5_000

/** A price in msat per million tokens, and where it comes from. */
export interface ProposedPrice {
  readonly price: Price
  readonly from: 'others' | 'size'
}

export interface PriceQuestion {
  readonly edge: string
  /** An API key of the edge, which tells it to its clients. */
  readonly clientKey: string | undefined
  readonly models: readonly PricedModel[]
  /** This provider's own name, which does not count. */
  readonly peer: string | undefined
  readonly signal: AbortSignal
}

/**
 * For each model the median of what others ask for it at the edge, else by its size; of several models the
 * dearest. Never rejects: an edge that does not tell is one where nobody sells.
 */
export async function proposePrice(question: PriceQuestion): Promise<ProposedPrice> {
  const asked = question.models.slice(0, MAX_ASKED)
  const medians = await Promise.all(asked.map((model) => medianAt(model.name, question)))
  const prices = asked.map((model, at) => medians[at] ?? priceBySize(model))
  const isKnown = medians.some((median) => median !== undefined)
  return { price: highestPrice(prices), from: isKnown ? 'others' : 'size' }
}

async function medianAt(
  model: string,
  { edge, clientKey, peer, signal }: PriceQuestion,
): Promise<Price | undefined> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)])
  try {
    const asked = await askPrices(edge, clientKey, model, until)
    return medianPrice(asked.filter((one) => one.peer !== peer).map(({ price }) => price))
  } catch (error) {
    if (error instanceof EdgeAskError) return undefined
    throw error
  }
}
