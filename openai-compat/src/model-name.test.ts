import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitModelName } from './model-name.ts'

describe('splitModelName', () => {
  it.each([
    ['llama3:8b', 'llama3:8b', undefined],
    ['llama3:8b:floor', 'llama3:8b', 'price'],
    ['llama3:8b:nitro', 'llama3:8b', 'throughput'],
    ['meta-llama/llama-3:free', 'meta-llama/llama-3:free', undefined],
    ['meta-llama/llama-3:free:nitro', 'meta-llama/llama-3:free', 'throughput'],
    ['auto:floor', 'auto', 'price'],
    ['m:Floor', 'm:Floor', undefined],
    ['m:floor:8b', 'm:floor:8b', undefined],
    ['m-floor', 'm-floor', undefined],
    [':floor', ':floor', undefined],
    ['', '', undefined],
  ])('%s', (name, model, sort) => {
    expect(splitModelName(name)).toEqual({ model, sort })
  })

  it('takes one suffix off, or leaves the name as it is', () => {
    const name = fc.string({ minLength: 1 }).filter((text) => splitModelName(text).model === text)
    fc.assert(
      fc.property(name, (model) => {
        expect(splitModelName(`${model}:floor`)).toEqual({ model, sort: 'price' })
        expect(splitModelName(`${model}:nitro`)).toEqual({ model, sort: 'throughput' })
      }),
    )
  })
})
