import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canaryTarget, type GivenRequest } from './canary-target.ts'
import { hourOf } from './canary-timing.ts'
import { distinguishability, MAX_CANARY_AUC } from './distinguishability.ts'
import { optedInFor, type OptedInRequest } from './opted-in.ts'
import type { RequestShape } from './request-shape.ts'
import { seeded } from './testing/seeded.ts'
import { traffic } from './testing/traffic.ts'

const PROVIDERS = ['a', 'b', 'c', 'd'] as const
type Provider = (typeof PROVIDERS)[number]

interface PooledRequest extends OptedInRequest {
  readonly shape: RequestShape
  isUsed: boolean
}
/** A request as the provider sees it that is to tell canaries from the rest. */
interface Seen {
  readonly at: number
  readonly shape: RequestShape
  readonly isCanary: boolean
}

/** How canaries are chosen, where it is not by the rules. */
interface Habit {
  readonly pick?: typeof optedInFor<PooledRequest>
  readonly delayMs?: number
}

/** What provider `a` sees of a model's traffic: a third of all clients opt in, one request in ten brings a canary. */
function seenByA({ pick = optedInFor, delayMs }: Habit = {}): Seen[] {
  const random = seeded(31)
  const pool: PooledRequest[] = []
  const seen: Seen[] = []
  let given: GivenRequest<Provider>[] = []
  let at = 0
  for (const [i, shape] of traffic(24_000, random).entries()) {
    at += shape.interArrivalMs
    const provider = PROVIDERS[Math.floor(random() * PROVIDERS.length)] ?? 'a'
    given = [...given.slice(-63), { provider, at }]
    if (provider === 'a') seen.push({ at, shape, isCanary: false })
    const target = random() < 0.1 ? canaryTarget(given, random) : undefined
    const request = target?.provider === 'a' ? pick('a', 'm', pool) : undefined
    if (target !== undefined && request !== undefined) {
      request.isUsed = true
      seen.push({
        at: at + (delayMs ?? target.delayMs),
        shape: request.shape,
        isCanary: true,
      })
    }
    if (random() < 1 / 3)
      pool.push({ model: 'm', promptKey: `${i}`, seenBy: provider, at, isUsed: false, shape })
    if (pool.length > 64) pool.shift()
  }
  return seen.toSorted((one, other) => one.at - other.at)
}

function found(seen: readonly Seen[]): number {
  const shapes = seen.map(({ at, shape, isCanary }, i) => {
    const interArrivalMs = Math.round(at - (seen[i - 1]?.at ?? 0))
    return { isCanary, shape: { ...shape, hour: hourOf(at), interArrivalMs } }
  })
  const [canaries, others] = [true, false].map((kind) =>
    shapes.filter(({ isCanary }) => isCanary === kind),
  )
  return distinguishability(canaries ?? [], others ?? [], seeded(5))
}

describe('requests that are asked again', () => {
  it('are not told from others', () => {
    expect(found(seenByA())).toBeLessThanOrEqual(MAX_CANARY_AUC)
  })

  it('would be by what does not belong to the hour', () => {
    const oldest: Habit['pick'] = (provider, _, pool) =>
      [...pool].find(({ isUsed, seenBy }) => !isUsed && seenBy !== provider)
    expect(found(seenByA({ pick: oldest }))).toBeGreaterThan(MAX_CANARY_AUC)
  })

  it('would be by a delay', () => {
    expect(found(seenByA({ delayMs: 30_000 }))).toBeGreaterThan(MAX_CANARY_AUC)
  })
})

const requests = fc.array(
  fc.record({
    model: fc.constantFrom('m', 'n'),
    promptKey: fc.uuid(),
    seenBy: fc.constantFrom(...PROVIDERS),
    at: fc.nat({ max: 9 }),
    isUsed: fc.boolean(),
  }),
)

describe('the request for a provider', () => {
  it('is the latest of its model that was not used, and that it has not had', () => {
    fc.assert(
      fc.property(requests, (all) => {
        const request = optedInFor('a', 'm', all)
        const fit = all.filter((one) => one.model === 'm' && !one.isUsed && one.seenBy !== 'a')
        expect(request?.at).toBe(fit.toSorted((one, other) => other.at - one.at)[0]?.at)
        if (request !== undefined) expect(fit).toContain(request)
      }),
    )
  })

  it('is nobody else’s afterwards', () => {
    fc.assert(
      fc.property(requests, (all) => {
        const pool = all.map((request) => ({ ...request, isUsed: false }))
        const asked: string[] = []
        for (const provider of [...PROVIDERS, ...PROVIDERS, ...PROVIDERS]) {
          const request = optedInFor(provider, 'm', pool)
          if (request === undefined) continue
          expect(request.seenBy).not.toBe(provider)
          request.isUsed = true
          asked.push(request.promptKey)
        }
        expect(new Set(asked).size).toBe(asked.length)
      }),
    )
  })
})

describe('the provider for a canary', () => {
  const given = (...providers: Provider[]) =>
    providers.map((provider, i) => ({ provider, at: i * 1000 }))

  it('is somebody else than has just had a request, as often as it has requests', () => {
    const random = seeded(8)
    const recent = given('b', 'b', 'b', 'c', 'a')
    const counts = { a: 0, b: 0, c: 0, d: 0 }
    for (let n = 0; n < 4000; n++) {
      const target = canaryTarget(recent, random)
      if (target !== undefined) counts[target.provider]++
      expect(target?.delayMs).toBe(0)
    }
    expect(counts).toMatchObject({ a: 0, d: 0 })
    expect(counts.b / counts.c).toBeCloseTo(3, 0)
  })

  it('is the only one after a while, once its rhythm is known', () => {
    const alone = given('a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a')
    expect(canaryTarget(alone.slice(1), () => 0.5)).toBeUndefined()
    const random = seeded(9)
    const delays = Array.from({ length: 4000 }, () => canaryTarget(alone, random)?.delayMs ?? 0)
    expect(delays.reduce((sum, delay) => sum + delay) / 4000 / 1000).toBeCloseTo(1, 1)
    const slow = alone.map(({ provider }, i) => ({ provider, at: i * 3_600_000 }))
    expect(canaryTarget(slow, () => 0.9)).toBeUndefined()
  })
})
