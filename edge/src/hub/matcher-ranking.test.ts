import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_CANDIDATES } from '../limits.ts'
import {
  candidate,
  choices,
  choose,
  chosenPeer,
  draws,
  measured,
  NOW,
  profile,
} from '../testing/candidates.ts'
import { blendedPrice, type Candidate } from './candidate.ts'

const can = (one: Candidate): boolean =>
  one.inFlight < one.slots && !one.blocked && one.busyUntil <= NOW

describe('balancing', () => {
  it('takes the less loaded of two, by the share of slots in use', () => {
    const small = candidate('small', { slots: 2, inFlight: 1 })
    const large = candidate('large', { slots: 8, inFlight: 3 })
    expect(choices([small, large])).toEqual(new Set(['large']))
  })

  it('counts the load that a provider reports for other origins', () => {
    const waiting = candidate('waiting', { reported: 9 })
    const working = candidate('working', { inFlight: 3, reported: 3 })
    expect(choices([waiting, working])).toEqual(new Set(['working']))
  })

  it('counts a cache that is nearly full, and not one that is half full', () => {
    const full = candidate('full', { kvUse: 0.9 })
    const working = candidate('working', { inFlight: 2, kvUse: 0.6 })
    expect(choices([full, working])).toEqual(new Set(['working']))
    const half = candidate('half', { kvUse: 0.6 })
    expect(choices([half, { ...working, kvUse: 0 }])).toEqual(new Set(['half']))
  })

  it('takes the emptier cache of two alike', () => {
    const emptier = candidate('emptier', { inFlight: 1, kvUse: 0.1 })
    const fuller = candidate('fuller', { inFlight: 1, kvUse: 0.2 })
    expect(choices([emptier, fuller])).toEqual(new Set(['emptier']))
  })

  it('draws two of many, so that even the least loaded does not get all', () => {
    const many = Array.from({ length: 30 }, (_, i) => candidate(`${i}`, { slots: 40, inFlight: i }))
    const chosen = choices(many)
    expect(chosen.size).toBeGreaterThan(5)
    expect(chosen.has('29')).toBe(false)
  })

  it('prefers the cheaper, the faster, the more reliable of two alike', () => {
    const cheap = candidate('better', { price: { prompt: 1, completion: 1 } })
    const dear = candidate('worse', { price: { prompt: 5, completion: 5 } })
    expect(choices([cheap, dear])).toEqual(new Set(['better']))
    const fast = candidate('better', { stats: measured({ tokensPerSecond: 100 }) })
    const slow = candidate('worse', { stats: measured({ tokensPerSecond: 20 }) })
    expect(choices([fast, slow])).toEqual(new Set(['better']))
    const sound = candidate('better', { stats: measured({}) })
    const shaky = candidate('worse', { stats: measured({ failures: 4, at: NOW - 60_000 }) })
    expect(choices([sound, shaky])).toEqual(new Set(['better']))
  })

  it('does not fill one up because it asks nothing', () => {
    const free = candidate('free', { price: { prompt: 0, completion: 0 }, slots: 40, inFlight: 39 })
    const paid = candidate('paid', { price: { prompt: 9, completion: 9 }, slots: 40 })
    expect(choices([free, { ...paid, inFlight: 20 }])).toEqual(new Set(['free']))
    expect(choices([free, paid])).toEqual(new Set(['paid']))
  })

  it('comes back last to who failed a moment ago, but comes back', () => {
    const failed = candidate('failed', { stats: measured({ failures: 1 }) })
    const busy = candidate('busy', { inFlight: 3 })
    expect(choices([failed, busy])).toEqual(new Set(['busy']))
    expect(choices([failed])).toEqual(new Set(['failed']))
  })

  it('only ranks by preferences', () => {
    const slow = candidate('slow', { stats: measured({ tokensPerSecond: 10, firstByteMs: 900 }) })
    const fast = candidate('fast', {
      inFlight: 3,
      stats: measured({ tokensPerSecond: 90, firstByteMs: 90 }),
    })
    expect(choices([slow, fast], { minThroughput: 50 })).toEqual(new Set(['fast']))
    expect(choices([slow, fast], { maxLatencyMs: 300 })).toEqual(new Set(['fast']))
    expect(choices([slow], { minThroughput: 50, maxLatencyMs: 300 })).toEqual(new Set(['slow']))
    const unknown = candidate('unknown')
    expect(choices([slow, unknown], { minThroughput: 50 })).toEqual(new Set(['unknown']))
  })

  it('looks at a bounded number of providers when none of many has room', () => {
    let looks = 0
    const busy = Array.from({ length: 20_000 }, (_, i) => {
      const one = candidate(`${i}`)
      return Object.defineProperty({ ...one }, 'blocked', {
        get: () => {
          looks++
          return true
        },
      })
    })
    expect(choose(busy)).toEqual({ found: false, why: 'full' })
    expect(looks).toBeLessThanOrEqual(2 * MAX_CANDIDATES)
  })

  it('finds the few who suit among many who do not', () => {
    const dear = Array.from({ length: 2000 }, (_, i) =>
      candidate(`dear-${i}`, { price: { prompt: 11 + (i % 50), completion: 1 } }),
    )
    expect(choices([...dear, candidate('cheap')])).toEqual(new Set(['cheap']))
    const other = Array.from({ length: 2000 }, (_, i) =>
      candidate(`other-${i}`, { profile: profile({ quantization: 'q4' }) }),
    )
    const fp8 = candidate('fp8', { profile: profile({ quantization: 'fp8' }) })
    expect(choices([...other, fp8], { quantizations: ['fp8'] })).toEqual(new Set(['fp8']))
  })
})

describe('affinity', () => {
  const idle = candidate('idle', { slots: 8 })

  it('takes the peer that knows the prompt while it is not overloaded', () => {
    const known = candidate('known', { slots: 8, inFlight: 2 })
    const match = choose([known, idle], {}, { affinity: 'known' })
    expect(match).toMatchObject({ strategy: 'affinity', provider: known })
  })

  it('leaves it when it is more loaded than most, or nearly full', () => {
    const others = Array.from({ length: 8 }, (_, i) => candidate(`${i}`, { slots: 8 }))
    const loaded = candidate('known', { slots: 8, inFlight: 4 })
    expect(choices([loaded, ...others], {}, 'known').has('known')).toBe(false)
    const crowded = candidate('known', { slots: 8, inFlight: 7 })
    const match = choose([crowded, { ...idle, inFlight: 7 }], {}, { affinity: 'known' })
    expect(match).toMatchObject({ strategy: 'balanced' })
  })

  it('stays when everybody is as loaded', () => {
    const others = Array.from({ length: 8 }, (_, i) => candidate(`${i}`, { inFlight: 2 }))
    const known = candidate('known', { inFlight: 2 })
    expect(choices([known, ...others], {}, 'known')).toEqual(new Set(['known']))
  })

  it('breaks no rule and follows nobody who fails or is gone', () => {
    const known = candidate('known')
    expect(choices([known, idle], { ignore: ['known'] }, 'known')).toEqual(new Set(['idle']))
    expect(choices([known, idle], { only: ['idle'] }, 'known')).toEqual(new Set(['idle']))
    const failed = candidate('known', { stats: measured({ failures: 1 }) })
    expect(choices([failed, idle], {}, 'known')).toEqual(new Set(['idle']))
    expect(choices([idle], {}, 'known')).toEqual(new Set(['idle']))
  })

  it('comes after the order and the sorting that a client asked for', () => {
    const known = candidate('known', { price: { prompt: 2, completion: 2 } })
    expect(choices([known, idle], { order: ['idle'] }, 'known')).toEqual(new Set(['idle']))
    expect(choices([known, idle], { sort: 'price' }, 'known')).toEqual(new Set(['idle']))
  })

  it('holds among the peers of a list', () => {
    const known = candidate('known', { inFlight: 1 })
    expect(choices([known, idle], { only: ['idle', 'known'] }, 'known')).toEqual(new Set(['known']))
  })
})

const best = (list: readonly Candidate[], measure: (one: Candidate) => number): number =>
  Math.min(...list.filter(can).map(measure))

describe('sorting', () => {
  const anyOffers = fc.array(
    fc.record({
      prompt: fc.nat({ max: 5 }),
      completion: fc.nat({ max: 5 }),
      inFlight: fc.nat({ max: 4 }),
      speed: fc.integer({ min: 1, max: 100 }),
    }),
    { minLength: 1, maxLength: MAX_CANDIDATES },
  )
  const offers = anyOffers.map((list) =>
    list.map(({ prompt, completion, inFlight, speed }, i) =>
      candidate(`${i}`, {
        price: { prompt, completion },
        inFlight,
        stats: measured({ tokensPerSecond: speed, firstByteMs: 2000 / speed }),
      }),
    ),
  )

  it.each([
    ['price', ({ price }: Candidate) => blendedPrice(price)],
    ['throughput', ({ stats }: Candidate) => -(stats?.tokensPerSecond ?? 0)],
    ['latency', ({ stats }: Candidate) => stats?.firstByteQuantile(0.5) ?? 0],
  ] as const)('takes the best by %s who has room', (sort, measure) => {
    fc.assert(
      fc.property(offers, (list) => {
        const match = choose(list, { sort })
        expect(match.found).toBe(list.some(can))
        if (!match.found) return
        expect(measure(match.provider)).toBe(best(list, measure))
        expect(match.strategy).toBe(sort)
      }),
    )
  })

  it('is exact by price among thousands', () => {
    const many = Array.from({ length: 3000 }, (_, i) =>
      candidate(`${i}`, { price: { prompt: 1 + (i % 9), completion: (i * 7) % 10 } }),
    )
    const cheapest = Math.min(...many.map(({ price }) => blendedPrice(price)))
    for (let i = 0; i < 20; i++) {
      const match = choose(many, { sort: 'price' })
      expect(match.found && blendedPrice(match.provider.price)).toBe(cheapest)
    }
  })

  it('is exact among the peers of a long list', () => {
    const many = Array.from({ length: 60 }, (_, i) =>
      candidate(`${i}`, { stats: measured({ tokensPerSecond: i + 1 }) }),
    )
    const only = many.map(({ peer }) => peer)
    expect(choices(many, { sort: 'throughput', only })).toEqual(new Set(['59']))
  })

  it('takes the lighter of two that are equal', () => {
    const [light, heavy] = [candidate('light'), candidate('heavy', { inFlight: 2 })]
    for (const sort of ['price', 'throughput', 'latency'] as const) {
      expect(choices([light, heavy], { sort })).toEqual(new Set(['light']))
    }
  })

  it('puts who has not been measured last', () => {
    const slow = candidate('slow', { stats: measured({ tokensPerSecond: 1, firstByteMs: 5000 }) })
    const unknown = candidate('unknown')
    expect(choices([slow, unknown], { sort: 'throughput' })).toEqual(new Set(['slow']))
    expect(choices([slow, unknown], { sort: 'latency' })).toEqual(new Set(['slow']))
  })

  it('puts who fails last, however good it is', () => {
    const cheap = candidate('cheap', {
      price: { prompt: 0, completion: 0 },
      stats: measured({ failures: 1 }),
    })
    expect(choices([cheap, candidate('sound')], { sort: 'price' })).toEqual(new Set(['sound']))
  })
})

describe('randomness', () => {
  it('comes from outside', () => {
    const many = Array.from({ length: 10 }, (_, i) => candidate(`${i}`))
    const first = chosenPeer(choose(many, {}, { random: draws(0, 0.999) }))
    const second = chosenPeer(choose(many, {}, { random: draws(0.5, 0.6) }))
    expect(first).not.toBe(second)
    expect(chosenPeer(choose(many, {}, { random: draws(0, 0.999) }))).toBe(first)
  })
})
