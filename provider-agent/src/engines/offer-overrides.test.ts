import { describe, expect, it } from 'vitest'
import { EngineStartError } from './engine.ts'
import { OfferFlagError, readOfferFlags, restrictModel } from './offer-overrides.ts'

describe('the flags of an offer', () => {
  it('leave everything to the engine, and prompts unkept, when nothing is said', () => {
    expect(readOfferFlags({})).toEqual({ overrides: {}, dataCollection: 'deny' })
  })

  it('are lists of words, in any order, with blanks and repeats', () => {
    const flags = {
      capabilities: ' seed, tools,seed,',
      endpoints: 'embeddings',
      quantization: 'Q4_K_M',
      dataCollection: 'allow',
    }
    expect(readOfferFlags(flags)).toEqual({
      dataCollection: 'allow',
      overrides: {
        capabilities: ['seed', 'tools'],
        endpoints: ['embeddings'],
        quantization: 'Q4_K_M',
      },
    })
    expect(readOfferFlags({ capabilities: '' }).overrides).toEqual({ capabilities: [] })
  })

  it.each([
    [
      { capabilities: 'tools,fly' },
      "there is no 'fly': --capabilities (INFERNET_CAPABILITIES) takes",
    ],
    [{ endpoints: 'chat' }, "there is no 'chat': --endpoints"],
    [{ endpoints: ',' }, 'name at least one: --endpoints'],
    [{ quantization: 'four bits' }, '--quantization (INFERNET_QUANTIZATION) takes a word'],
    [{ dataCollection: 'maybe' }, 'say allow or deny: --data-collection'],
  ])('are refused with what they take: %j', (flags, message) => {
    expect(() => readOfferFlags(flags)).toThrow(OfferFlagError)
    expect(() => readOfferFlags(flags)).toThrow(message)
  })
})

describe('an embedded model', () => {
  const model = {
    id: 'm',
    contextLength: 10,
    capabilities: ['seed', 'tools'],
    endpoints: ['chat.completions', 'completions'],
  } as const

  it('is offered for less when its owner says so', () => {
    const less = { capabilities: ['seed'], endpoints: ['completions'] } as const
    expect(restrictModel(model, less)).toEqual({ ...model, ...less })
    expect(restrictModel(model, {})).toEqual(model)
  })

  it('is never offered for more than it can', () => {
    const more = () => restrictModel(model, { capabilities: ['vision'], endpoints: ['embeddings'] })
    expect(more).toThrow(EngineStartError)
    expect(more).toThrow('m cannot do vision, embeddings')
  })
})
