import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_PRICE } from '../price.ts'
import { billionsOf, medianPrice, priceBySize } from './price-rules.ts'

describe('the size of a model', () => {
  it.each([
    ['Qwen3-8B', 8],
    ['llama3.1:70b', 70],
    ['mixtral-8x7b-instruct', 56],
    ['smollm2-1.7B-Q4_K_M', 1.7],
    ['publisher/Qwen3-0.6B-GGUF', 0.6],
    ['gemma-2b4', undefined],
    ['infernet-demo', undefined],
  ])('%s', (name, billions) => {
    expect(billionsOf({ name })).toBe(billions)
  })

  it('is told by its bytes where its name does not', () => {
    expect(billionsOf({ name: 'm', bytes: 4.88e9 })).toBeCloseTo(8)
    expect(billionsOf({ name: 'm-3b', bytes: 40e9 })).toBe(3)
  })
})

describe('the price by size', () => {
  it.each([
    ['m-1b', 0.5],
    ['m-8b', 1],
    ['unknown', 1],
    ['m-32b', 3],
    ['m-70b', 8],
    ['m-405b', 16],
  ])('of %s is %d times the default', (name, times) => {
    expect(priceBySize({ name })).toEqual({
      prompt: DEFAULT_PRICE.prompt * times,
      completion: DEFAULT_PRICE.completion * times,
    })
  })
})

describe('the median price', () => {
  it('is the middle, or the mean of both middles, of prompts and completions by themselves', () => {
    expect(medianPrice([])).toBeUndefined()
    const [a, b, c] = [
      { prompt: 1, completion: 90 },
      { prompt: 5, completion: 10 },
      { prompt: 9, completion: 50 },
    ]
    expect(medianPrice([a, b, c])).toEqual({ prompt: 5, completion: 50 })
    expect(medianPrice([a, b])).toEqual({ prompt: 3, completion: 50 })
  })

  it('is whole, lies between the extremes, and does not depend on the order', () => {
    const price = fc.record({ prompt: fc.nat(1e9), completion: fc.nat(1e9) })
    fc.assert(
      fc.property(fc.array(price, { minLength: 1, maxLength: 9 }), (prices) => {
        const median = medianPrice(prices)!
        expect(medianPrice(prices.toReversed())).toEqual(median)
        const prompts = prices.map(({ prompt }) => prompt)
        expect(Number.isInteger(median.prompt)).toBe(true)
        expect(median.prompt).toBeGreaterThanOrEqual(Math.min(...prompts))
        expect(median.prompt).toBeLessThanOrEqual(Math.max(...prompts))
      }),
    )
  })
})
