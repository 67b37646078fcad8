import { CAPABILITIES, ENDPOINTS } from '@infernet/schemas/wire'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  candidate,
  choices,
  choose,
  measured,
  NOW,
  profile,
  rules,
  shelfOf,
} from '../testing/candidates.ts'
import { capabilityBits, endpointBits, type Candidate } from './candidate.ts'
import type { ChoiceRules } from './eligibility.ts'
import { chooseProvider } from './matcher.ts'
import type { RuleName } from './rule-filter.ts'

const PEERS = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const anyPeers = (maxLength: number) => fc.array(fc.constantFrom(...PEERS, 'nobody'), { maxLength })

const anyProfile = fc
  .record({
    endpoints: fc.subarray([...ENDPOINTS], { minLength: 1 }).map(endpointBits),
    capabilities: fc.subarray([...CAPABILITIES].slice(0, 3)).map(capabilityBits),
    quantization: fc.constantFrom('', 'q4', 'fp8'),
    keepsPrompts: fc.boolean(),
    isVerifiable: fc.boolean(),
  })
  .map(profile)

const anyStats = fc.option(
  fc
    .record({
      firstByteMs: fc.integer({ min: 1, max: 2000 }),
      tokensPerSecond: fc.integer({ min: 1, max: 200 }),
      answers: fc.nat({ max: 30 }),
      failures: fc.nat({ max: 20 }),
      at: fc.constantFrom(NOW, NOW - 60_000),
    })
    .map(measured),
  { nil: undefined },
)

const anyCandidate = fc.record({
  peer: fc.constantFrom(...PEERS),
  slots: fc.integer({ min: 1, max: 3 }),
  inFlight: fc.nat({ max: 3 }),
  reported: fc.nat({ max: 6 }),
  kvUse: fc.constantFrom(0, 0.5, 0.9, 1),
  draining: fc.boolean(),
  blocked: fc.boolean(),
  busyUntil: fc.constantFrom(0, NOW, NOW + 1),
  price: fc.record({ prompt: fc.nat({ max: 12 }), completion: fc.nat({ max: 12 }) }),
  profile: anyProfile,
  stats: anyStats,
  trust: fc.constantFrom(1, 0.5, 0),
})
const anyCandidates = fc.uniqueArray(anyCandidate, { selector: ({ peer }) => peer })

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const anyRules = fc
  .record({
    endpoint: fc.constantFrom(...ENDPOINTS),
    needs: fc.subarray([...CAPABILITIES].slice(0, 3), { maxLength: 1 }),
    order: fc.oneof(fc.constant([]), anyPeers(3)),
    only: maybe(anyPeers(4)),
    ignore: anyPeers(2),
    allowFallbacks: fc.boolean(),
    sort: maybe(fc.constantFrom('price' as const, 'throughput' as const, 'latency' as const)),
    minThroughput: maybe(fc.integer({ min: 1, max: 200 })),
    maxLatencyMs: maybe(fc.integer({ min: 1, max: 2000 })),
    quantizations: maybe(fc.subarray(['q4', 'fp8'])),
    noDataCollection: fc.boolean(),
    verifiableOnly: fc.boolean(),
    exclude: anyPeers(2).map((peers) => new Set<string>(peers)),
  })
  .map(rules)
const anyAffinity = maybe(fc.constantFrom(...PEERS))
const anyDraw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const anyCase = {
  candidates: anyCandidates,
  rules: anyRules,
  affinity: anyAffinity,
  random: fc.infiniteStream(anyDraw),
}

const lacks = (bits: number, all: number): boolean => (bits & all) !== all

/** What each rule says, told anew from its documentation. */
const BREAKS: Readonly<Record<RuleName, (one: Candidate, wanted: ChoiceRules) => boolean>> = {
  endpoint: ({ profile: { endpoints } }, { endpoint }) =>
    lacks(endpoints, endpointBits([endpoint])),
  capabilities: ({ profile: { capabilities } }, { needs }) =>
    lacks(capabilities, capabilityBits(needs)),
  quantizations: ({ profile: { quantization } }, { quantizations }) =>
    quantizations !== undefined && !quantizations.includes(quantization),
  data_collection: ({ profile: { keepsPrompts } }, { noDataCollection }) =>
    noDataCollection && keepsPrompts,
  verify: ({ profile: { isVerifiable } }, { verifiableOnly }) => verifiableOnly && !isVerifiable,
  max_price: ({ price }, { maxPrice }) =>
    price.prompt > maxPrice.prompt || price.completion > maxPrice.completion,
  only: ({ peer }, { only }) => only !== undefined && !only.includes(peer),
  ignore: ({ peer }, { ignore }) => ignore.includes(peer),
  order: ({ peer }, { order, allowFallbacks }) =>
    !allowFallbacks && order.length > 0 && !order.includes(peer),
}

/** Whether the rules let it have the job, load aside. */
function may(one: Candidate, wanted: ChoiceRules): boolean {
  const { order, allowFallbacks, exclude } = wanted
  if (one.draining || exclude.has(one.peer)) return false
  // Without fallbacks and without an order, the first choice is the only one.
  if (!allowFallbacks && order.length === 0 && exclude.size > 0) return false
  return !Object.values(BREAKS).some((breaks) => breaks(one, wanted))
}

const can = (one: Candidate): boolean =>
  one.inFlight < one.slots && !one.blocked && one.busyUntil <= NOW

describe('matching', () => {
  it('never picks a provider that breaks a rule or has no room, and finds one if there is one', () => {
    fc.assert(
      fc.property(fc.record(anyCase), ({ candidates, rules: wanted, affinity, random }) => {
        const context = { now: NOW, affinity }
        const next = () => random.next().value
        const match = chooseProvider(shelfOf(candidates), wanted, context, next)
        const willing = candidates.filter((one) => may(one, wanted))
        const able = willing.filter(can)
        if (able.length > 0) {
          expect(match.found && able.includes(match.provider)).toBe(true)
        } else if (willing.length > 0) {
          expect(match).toEqual({ found: false, why: 'full' })
        } else {
          expect(match.found || match.why === 'full').toBe(false)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('names only rules that kept somebody out', () => {
    fc.assert(
      fc.property(fc.record(anyCase), ({ candidates, rules: wanted, random }) => {
        const next = () => random.next().value
        const match = chooseProvider(shelfOf(candidates), wanted, { now: NOW }, next)
        if (match.found || match.why !== 'unsuitable') return
        expect(match.rules.length).toBeGreaterThan(0)
        for (const rule of match.rules) {
          expect(candidates.some((one) => BREAKS[rule](one, wanted))).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('tells full from none from unsuitable', () => {
    const full = candidate('full', { inFlight: 4 })
    const draining = candidate('draining', { draining: true })
    expect(chooseProvider(undefined, rules(), { now: NOW }, Math.random)).toEqual({
      found: false,
      why: 'none',
    })
    expect(choose([])).toEqual({ found: false, why: 'none' })
    expect(choose([full])).toEqual({ found: false, why: 'full' })
    expect(choose([candidate('a', { blocked: true })])).toEqual({ found: false, why: 'full' })
    expect(choose([candidate('a', { busyUntil: NOW + 1 })])).toEqual({ found: false, why: 'full' })
    expect(choose([draining])).toEqual({ found: false, why: 'none' })
    expect(choose([candidate('a')], { exclude: new Set(['a']) })).toEqual({
      found: false,
      why: 'none',
    })
    expect(choose([full], { ignore: ['full'] })).toEqual({
      found: false,
      why: 'unsuitable',
      rules: ['ignore'],
    })
    expect(choose([candidate('a')], { only: ['b'] })).toEqual({
      found: false,
      why: 'unsuitable',
      rules: ['only'],
    })
    expect(choose([candidate('a')], { order: ['b'], allowFallbacks: false })).toEqual({
      found: false,
      why: 'unsuitable',
      rules: ['order'],
    })
  })

  it('waits for a full provider that suits rather than refuse', () => {
    const dear = candidate('dear', { price: { prompt: 99, completion: 1 } })
    expect(choose([dear, candidate('full', { inFlight: 4 })])).toEqual({
      found: false,
      why: 'full',
    })
    expect(choose([dear])).toEqual({ found: false, why: 'unsuitable', rules: ['max_price'] })
  })
})

describe('an order of providers', () => {
  const [a, b, c] = [candidate('a', { inFlight: 3 }), candidate('b'), candidate('c')]

  it('is followed, whatever the load', () => {
    expect(choices([a, b, c], { order: ['a', 'b'] })).toEqual(new Set(['a']))
    expect(choose([a, b], { order: ['a'] })).toMatchObject({ strategy: 'order' })
  })

  it('goes on to the next when one has no room or has failed the job', () => {
    const full = candidate('a', { inFlight: 4 })
    expect(choices([full, b, c], { order: ['a', 'b'] })).toEqual(new Set(['b']))
    expect(choices([a, b, c], { order: ['a', 'b'], exclude: new Set(['a']) })).toEqual(
      new Set(['b']),
    )
  })

  it('falls back to others only when it may', () => {
    const full = candidate('a', { inFlight: 4 })
    expect(choices([full, b], { order: ['a'] })).toEqual(new Set(['b']))
    expect(choose([full, b], { order: ['a'], allowFallbacks: false })).toEqual({
      found: false,
      why: 'full',
    })
    expect(
      choose([a, b], { order: ['a'], allowFallbacks: false, exclude: new Set(['a']) }),
    ).toEqual({ found: false, why: 'none' })
  })

  it('leaves a client without fallbacks with its first choice', () => {
    expect(choose([b], { allowFallbacks: false })).toMatchObject({ found: true })
    expect(choose([b, c], { allowFallbacks: false, exclude: new Set(['c']) })).toEqual({
      found: false,
      why: 'none',
    })
  })
})
