import type { PeerId } from '@infernet/schemas/peer-id'
import { describe, expect, it } from 'vitest'
import { MAX_KNOWN_MODELS, MAX_MEASURED_OFFERS } from '../limits.ts'
import { modelOffer } from '../testing/fake-provider.ts'
import { ModelOffers } from './model-offers.ts'
import type { ProviderSession } from './provider-session.ts'

/** As much of a session as the index looks at. */
interface FakeSession {
  peer: string
  capability: { slots: number; data_collection: 'allow' | 'deny' }
  inFlight: number
  reported: number
  readonly slots: number
  kvUse: number
  draining: boolean
  blocked: boolean
  busyUntil: number
}

const session = (
  peer: string,
  fields: Partial<FakeSession> = {},
): ProviderSession & FakeSession => {
  const fake: FakeSession = {
    peer,
    capability: { slots: 2, data_collection: 'deny' },
    inFlight: 0,
    reported: 3,
    kvUse: 0,
    get slots() {
      return this.capability.slots
    },
    draining: false,
    blocked: false,
    busyUntil: 0,
    ...fields,
  }
  return fake as unknown as ProviderSession & FakeSession
}

const open = (offers: ModelOffers, model: string): string[] =>
  offers.shelf(model)?.cohorts.flatMap((cohort) => cohort.open.map(({ peer }) => peer)) ?? []

describe('the offers of a hub', () => {
  it('sums up who serves a model', () => {
    const offers = new ModelOffers()
    const price = { prompt: 5, completion: 1 }
    const tools = modelOffer('m', { price, capabilities: ['tools'], quantization: 'Q4_K_M' })
    offers.update(session('a'), [tools], 1000)
    offers.update(
      session('b'),
      [
        modelOffer('m', {
          price: { prompt: 2, completion: 9 },
          context_length: 5000,
          capabilities: ['tools', 'seed'],
          endpoints: ['chat.completions', 'completions'],
        }),
      ],
      2000,
    )
    offers.update(session('c'), [{ ...tools, quantization: 'q4_k_m' }], 2000)
    expect(offers.directory().models).toEqual([
      {
        id: 'm',
        contextLength: 5000,
        maxPrice: { prompt: 5, completion: 9 },
        minPrice: { prompt: 2, completion: 1 },
        providers: 3,
        capabilities: ['tools', 'seed'],
        endpoints: ['chat.completions', 'completions'],
        quantizations: ['q4_k_m'],
        since: 1000,
      },
    ])
  })

  it('trusts a provider as it was told to, whatever else it offers, until it leaves', () => {
    const offers = new ModelOffers()
    const provider = session('a')
    const trust = (model = 'm') => offers.find(model, 'a')?.trust
    offers.update(provider, [modelOffer('m')], 0)
    expect(trust()).toBe(1)
    offers.setTrust(provider, 'm', 0.5)
    expect(trust()).toBe(0.5)
    offers.update(provider, [], 0)
    offers.update(provider, [modelOffer('m'), modelOffer('other')], 0)
    expect([trust(), trust('other')]).toEqual([0.5, 1])
    offers.update(session('a'), [modelOffer('m')], 0)
    expect(trust()).toBe(1)
  })

  it('shows the matcher each provider as it is now', () => {
    const offers = new ModelOffers()
    const provider = session('a', { inFlight: 1 })
    offers.update(provider, [modelOffer('m')], 0)
    expect(offers.find('m', 'a')).toMatchObject({ slots: 2, inFlight: 1, reported: 3 })
    Object.assign(provider, { reported: 9, draining: true, blocked: true, busyUntil: 7 })
    expect(offers.find('m', 'a')).toMatchObject({
      session: provider,
      reported: 9,
      draining: true,
      blocked: true,
      busyUntil: 7,
    })
    expect(offers.find('m', 'b')).toBeUndefined()
    expect(offers.find('other', 'a')).toBeUndefined()
    expect(offers.shelf('other')).toBeUndefined()
  })

  it('sets a provider aside on all its shelves while it is full', () => {
    const offers = new ModelOffers()
    const provider = session('a')
    offers.update(provider, [modelOffer('m'), modelOffer('n')], 0)
    const loaded = (inFlight: number): string[] => {
      provider.inFlight = inFlight
      offers.load(provider)
      expect(offers.find('m', 'a')?.inFlight).toBe(inFlight)
      return [...open(offers, 'm'), ...open(offers, 'n')]
    }
    expect(loaded(1)).toEqual(['a', 'a'])
    expect(loaded(2)).toEqual([])
    expect(loaded(3)).toEqual([])
    expect(loaded(1)).toEqual(['a', 'a'])
  })

  it('knows at once that a provider is full which offers something else', () => {
    const offers = new ModelOffers()
    const provider = session('a', { inFlight: 2 })
    offers.update(provider, [modelOffer('m')], 0)
    expect(open(offers, 'm')).toEqual([])
    provider.capability.slots = 3
    offers.update(provider, [modelOffer('m')], 0)
    expect(open(offers, 'm')).toEqual(['a'])
  })

  it('does not let a session that was replaced speak for its peer', () => {
    const offers = new ModelOffers()
    const [older, newer] = [session('a'), session('a')]
    offers.update(older, [modelOffer('m')], 0)
    offers.update(newer, [modelOffer('m')], 0)
    older.inFlight = 2
    offers.load(older)
    expect(open(offers, 'm')).toEqual(['a'])
    offers.update(older, [], 0)
    expect(offers.find('m', 'a')?.session).toBe(newer)
    offers.load(session('stranger'))
  })

  it('replaces what a provider offered before', () => {
    const offers = new ModelOffers()
    const [a, b] = [session('a'), session('b')]
    offers.update(a, [modelOffer('m'), modelOffer('n')], 0)
    offers.update(b, [modelOffer('m')], 0)
    offers.update(a, [modelOffer('o')], 0)
    expect(offers.directory().models.map(({ id }) => id)).toEqual(['m', 'o'])
    expect(open(offers, 'm')).toEqual(['b'])
    expect(offers.directory().offline).toEqual(['n'])
  })

  it('takes a model that is offered twice once, at the price it is billed at', () => {
    const offers = new ModelOffers()
    const dear = { prompt: 1e12, completion: 1e12 }
    const bait = modelOffer('m', { price: { prompt: 0, completion: 0 } })
    offers.update(session('a'), [bait, modelOffer('m', { price: dear })], 0)
    expect(offers.shelf('m')?.size).toBe(1)
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

describe('the measures of an offer', () => {
  it('outlive the connection, per peer and model', () => {
    const offers = new ModelOffers()
    const provider = session('a')
    offers.update(provider, [modelOffer('m'), modelOffer('n')], 0)
    expect(offers.find('m', 'a')?.stats).toBeUndefined()
    const stats = offers.find('m', 'a')?.statsNow(0)
    expect(offers.find('m', 'a')?.statsNow(5)).toBe(stats)
    offers.update(provider, [], 0)
    offers.update(session('a'), [modelOffer('m'), modelOffer('n')], 0)
    expect(offers.find('m', 'a')?.stats).toBe(stats)
    expect(offers.find('n', 'a')?.stats).toBeUndefined()
  })

  it('are bounded; those of who stayed longest count as new when it leaves', () => {
    const offers = new ModelOffers()
    const [stayed, left] = [session('stayed'), session('left')]
    for (const provider of [stayed, left]) offers.update(provider, [modelOffer('m')], 0)
    for (const peer of ['stayed', 'left']) offers.find('m', peer)?.statsNow(0)
    offers.update(left, [], 0)
    const crowd = session('crowd')
    for (let i = 0; i <= MAX_MEASURED_OFFERS; i++) {
      offers.update(crowd, [modelOffer(`model-${i}`)], 0)
      offers.find(`model-${i}`, 'crowd')?.statsNow(0)
    }
    offers.update(stayed, [], 0)
    for (const peer of ['stayed', 'left']) offers.update(session(peer), [modelOffer('m')], 0)
    expect(offers.find('m', 'stayed')?.stats).toBeDefined()
    expect(offers.find('m', 'left')?.stats).toBeUndefined()
  })
})

describe('what clients see of the providers of a model', () => {
  it('is plain data of each, measured or not', () => {
    const offers = new ModelOffers()
    const price = { prompt: 5, completion: 1 }
    const offer = modelOffer('m', { price, capabilities: ['tools'], quantization: 'FP8' })
    offers.update(session('a'), [offer], 0)
    offers.update(session('b', { inFlight: 2 }), [modelOffer('m')], 0)
    const stats = offers.find('m', 'a')?.statsNow(0)
    stats?.firstByte(250, 0)
    stats?.completed({ tokens: 100, ms: 2000 }, 0)
    const [a, b] = offers.providersOf('m', 0)
    expect(a).toEqual({
      peer: 'a' as PeerId,
      price,
      quantization: 'fp8',
      contextLength: 1000,
      capabilities: ['tools'],
      endpoints: ['chat.completions'],
      latencyP50: expect.closeTo(0.25, 1),
      throughputP50: 50,
      uptime: 1,
      available: true,
    })
    expect(b).toMatchObject({
      quantization: undefined,
      latencyP50: undefined,
      throughputP50: undefined,
      uptime: undefined,
      available: false,
    })
    expect(structuredClone(a)).toEqual(a)
    expect(offers.providersOf('other', 0)).toEqual([])
  })

  it.each([{ draining: true }, { blocked: true }, { busyUntil: 1 }])(
    'says that nobody is available who cannot take a job: %o',
    (fields) => {
      const offers = new ModelOffers()
      offers.update(session('a', fields), [modelOffer('m')], 0)
      expect(offers.providersOf('m', 0)).toMatchObject([{ available: false }])
    },
  )
})
