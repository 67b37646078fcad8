import type { PeerId } from '@infernet/schemas/peer-id'
import { describe, expect, it } from 'vitest'
import { MAX_KNOWN_MODELS } from '../limits.ts'
import { modelOffer } from '../testing/fake-provider.ts'
import { ModelOffers } from './model-offers.ts'
import type { ProviderSession } from './provider-session.ts'

/** As much of a session as the index looks at. */
const session = (peer: string): ProviderSession =>
  ({
    peer: peer as PeerId,
    capability: { slots: 2 },
    inFlight: 1,
    reported: 3,
    unavailable: false,
  }) as ProviderSession

describe('the offers of a hub', () => {
  it('sums up who serves a model', () => {
    const offers = new ModelOffers()
    const price = { prompt: 5, completion: 1 }
    offers.update(session('a'), [modelOffer('m', { price, capabilities: ['tools'] })], 1000)
    offers.update(
      session('b'),
      [
        modelOffer('m', {
          price: { prompt: 2, completion: 9 },
          context_length: 5000,
          capabilities: ['tools', 'seed'],
        }),
      ],
      2000,
    )
    expect(offers.directory().models).toEqual([
      {
        id: 'm',
        contextLength: 5000,
        maxPrice: { prompt: 5, completion: 9 },
        minPrice: { prompt: 2, completion: 1 },
        providers: 2,
        capabilities: ['tools', 'seed'],
        since: 1000,
      },
    ])
  })

  it('shows the matcher each provider as it is now', () => {
    const offers = new ModelOffers()
    offers.update(session('a'), [modelOffer('m')], 0)
    expect(offers.candidates('m')).toMatchObject([
      { peer: 'a', slots: 2, inFlight: 1, reported: 3, draining: false },
    ])
    expect(offers.candidates('other')).toEqual([])
  })

  it('replaces what a provider offered before', () => {
    const offers = new ModelOffers()
    const [a, b] = [session('a'), session('b')]
    offers.update(a, [modelOffer('m'), modelOffer('n')], 0)
    offers.update(b, [modelOffer('m')], 0)
    offers.update(a, [modelOffer('o')], 0)
    expect(offers.directory().models.map(({ id }) => id)).toEqual(['m', 'o'])
    expect(offers.candidates('m').map(({ peer }) => peer)).toEqual(['b'])
    expect(offers.directory().offline).toEqual(['n'])
  })

  it('takes a model that is offered twice once, at the price it is billed at', () => {
    const offers = new ModelOffers()
    const dear = { prompt: 1e12, completion: 1e12 }
    const bait = modelOffer('m', { price: { prompt: 0, completion: 0 } })
    offers.update(session('a'), [bait, modelOffer('m', { price: dear })], 0)
    expect(offers.candidates('m')).toHaveLength(1)
    expect(offers.directory().models[0]).toMatchObject({ minPrice: dear, providers: 1 })
  })

  it('computes the directory only when something has changed', () => {
    const offers = new ModelOffers()
    offers.update(session('a'), [modelOffer('m')], 0)
    const directory = offers.directory()
    expect(offers.directory()).toBe(directory)
    offers.remember(['old'], 0)
    expect(offers.directory().offline).toEqual(['old'])
  })

  it('forgets the oldest names, but none that is served', () => {
    const offers = new ModelOffers()
    offers.update(session('a'), [modelOffer('served')], 0)
    offers.remember(
      Array.from({ length: MAX_KNOWN_MODELS + 5 }, (_, i) => `old-${i}`),
      0,
    )
    const { models, offline } = offers.directory()
    expect(models.map(({ id }) => id)).toEqual(['served'])
    expect(offline).toHaveLength(MAX_KNOWN_MODELS - 1)
    expect(offline).not.toContain('old-0')
    expect(offline).toContain(`old-${MAX_KNOWN_MODELS + 4}`)
  })
})
