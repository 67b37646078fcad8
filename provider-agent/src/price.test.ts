import { describe, expect, it } from 'vitest'
import { MAX_MSAT } from '@infernet/schemas/money'
import { parsePrice, PriceError } from '@infernet/settlement/price-text'
import { DEFAULT_PRICE, earnedMsat } from './price.ts'

describe('prices', () => {
  it('reads both, either, in any order', () => {
    expect(parsePrice('prompt=1,completion=2', DEFAULT_PRICE)).toEqual({ prompt: 1, completion: 2 })
    expect(parsePrice('completion=2', DEFAULT_PRICE)).toEqual({ ...DEFAULT_PRICE, completion: 2 })
    expect(parsePrice(' completion=0, prompt=3', DEFAULT_PRICE)).toEqual({
      prompt: 3,
      completion: 0,
    })
  })

  it.each(['', 'prompt', 'prompt=-1', 'prompt=1.5', 'output=3', 'prompt=9999999999999'])(
    'refuses %j',
    (text) => {
      expect(() => parsePrice(text, DEFAULT_PRICE)).toThrow(PriceError)
    },
  )

  it('rounds what a job earns up to a whole msat', () => {
    const usage = { prompt_tokens: 10, completion_tokens: 5 }
    expect(earnedMsat({ prompt: 100_000, completion: 400_000 }, usage)).toBe(3)
    expect(earnedMsat({ prompt: 1, completion: 0 }, usage)).toBe(1)
    expect(earnedMsat({ prompt: 0, completion: 0 }, usage)).toBe(0)
  })

  it('never says that a job earns more than there can be', () => {
    const usage = { prompt_tokens: 10, completion_tokens: 9e15 }
    expect(earnedMsat({ prompt: 100_000, completion: 6_400_000 }, usage)).toBe(MAX_MSAT)
  })
})
