import type { Price } from '@infernet/schemas/wire'
import { DEFAULT_PRICE } from '../price.ts'

/** A model to be priced. */
export interface PricedModel {
  readonly name: string
  /** Of its weights, where they are known. */
  readonly bytes?: number
}

/** Of a weight in four bits, with its scales. */
const BYTES_PER_WEIGHT = 0.61

/**
 * How many times the default price, by 10⁹ weights. Each token of an answer reads all weights once, so
 * that a model which is twice as large takes twice the time; the default is for some 8.
 */
const STEPS: readonly (readonly [upTo: number, times: number])[] = [
  [4, 0.5],
  [15, 1],
  [40, 3],
  [110, 8],
]
const BEYOND = 16

/** In 10⁹ weights: as its name says, such as `Qwen3-8B` or `8x7b`, else by its size; undefined where neither does. */
export function billionsOf({ name, bytes }: PricedModel): number | undefined {
  const [, times, size] = /(?:^|[^a-z\d.])(?:(\d+)x)?(\d+(?:\.\d+)?)b(?![a-z\d])/i.exec(name) ?? []
  if (size !== undefined) return Number(size) * Number(times ?? 1)
  return bytes === undefined ? undefined : bytes / BYTES_PER_WEIGHT / 1e9
}

/** What is asked for a model that nobody else sells, in msat per million tokens. */
export function priceBySize(model: PricedModel): Price {
  const billions = billionsOf(model) ?? 8
  const times = STEPS.find(([upTo]) => billions <= upTo)?.[1] ?? BEYOND
  return { prompt: DEFAULT_PRICE.prompt * times, completion: DEFAULT_PRICE.completion * times }
}

/** The middle of what others ask, of an even number the mean of both; undefined where there is none. */
export function medianPrice(others: readonly Price[]): Price | undefined {
  if (others.length === 0) return undefined
  return {
    prompt: median(others.map(({ prompt }) => prompt)),
    completion: median(others.map(({ completion }) => completion)),
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low = 0, high = 0] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return Math.round((low + high) / 2)
}

/** One price is for all models: that of the dearest, so that none is sold below its own. */
export const highestPrice = (prices: readonly Price[]): Price => ({
  prompt: Math.max(0, ...prices.map(({ prompt }) => prompt)),
  completion: Math.max(0, ...prices.map(({ completion }) => completion)),
})
