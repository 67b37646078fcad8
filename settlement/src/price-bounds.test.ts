import type { ModelOffer } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { parsePriceBounds, priceFault } from './price-bounds.ts'
import { PriceError } from './price-text.ts'

const offer = (prompt: number, completion: number): ModelOffer => ({
  id: 'demo',
  context_length: 1,
  price: { prompt, completion },
  capabilities: [],
  endpoints: ['chat.completions'],
})

describe('price bounds', () => {
  const bounds = parsePriceBounds('prompt=10', 'prompt=100,completion=200')

  it('are the defaults where nothing is set', () => {
    expect(parsePriceBounds(undefined, '')).toEqual({
      min: { prompt: 0, completion: 0 },
      max: { prompt: 1e9, completion: 1e9 },
    })
    expect(bounds).toEqual({
      min: { prompt: 10, completion: 0 },
      max: { prompt: 100, completion: 200 },
    })
  })

  it.each([
    ['prompt', undefined],
    [undefined, 'prompt=-1'],
    [undefined, 'completion=10000000000000'],
    ['prompt=5', 'prompt=4'],
    ['completion=5', 'completion=4'],
  ])('refuse %o to %o', (min, max) => {
    expect(() => parsePriceBounds(min, max)).toThrow(PriceError)
  })

  it.each([
    [offer(10, 0), undefined],
    [offer(100, 200), undefined],
    [offer(9, 0), 'prompt price 9 is not within 10 to 100 msat per million tokens (demo)'],
    [offer(101, 0), 'prompt price 101 is not within 10 to 100 msat per million tokens (demo)'],
    [offer(10, 201), 'completion price 201 is not within 0 to 200 msat per million tokens (demo)'],
  ])('judge %o', (judged, fault) => {
    expect(priceFault([offer(50, 50), judged], bounds)).toBe(fault)
  })
})
