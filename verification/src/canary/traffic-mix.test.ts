import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextDueAt, replacesRequest } from './canary-timing.ts'
import type { RequestShape } from './request-shape.ts'
import { seeded } from './testing/seeded.ts'
import { traffic } from './testing/traffic.ts'
import {
  draw,
  EMPTY_MIX,
  hourWeights,
  LEAST_SHAPES,
  MIX_CAPACITY,
  observe,
  requestsPerDay,
  type TrafficMix,
} from './traffic-mix.ts'

const HOUR_MS = 3_600_000

const mixOf = (shapes: readonly RequestShape[], random = seeded(1)): TrafficMix =>
  shapes.reduce((mix, shape) => observe(mix, shape, random), EMPTY_MIX)

describe('a traffic mix', () => {
  it('is bounded, is plain JSON, and holds only shapes that were seen', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 3 * MIX_CAPACITY }), (seed, count) => {
        const seen = traffic(count, seeded(seed))
        const mix = mixOf(seen, seeded(seed))
        expect(mix.shapes).toHaveLength(Math.min(count, MIX_CAPACITY))
        expect(JSON.parse(JSON.stringify(mix))).toEqual(mix)
        const known = new Set(seen.map((shape) => JSON.stringify(shape)))
        expect(mix.shapes.every((shape) => known.has(JSON.stringify(shape)))).toBe(true)
      }),
      { numRuns: 10 },
    )
  })

  it('keeps nothing that a request says', () => {
    const [shape] = traffic(1, seeded(2))
    if (shape === undefined) throw new Error('one request')
    const chatty = { ...shape, content: 'a secret' }
    expect(JSON.stringify(observe(EMPTY_MIX, chatty, seeded(1)))).not.toContain('secret')
  })

  it('follows the traffic', () => {
    const [old] = traffic(1, seeded(3))
    if (old === undefined) throw new Error('one request')
    const before = Array.from({ length: 20_000 }, () => ({ ...old, messages: 1 }))
    const after = Array.from({ length: 20_000 }, () => ({ ...old, messages: 2 }))
    const { shapes } = mixOf([...before, ...after])
    const share = shapes.filter(({ messages }) => messages === 2).length / shapes.length
    expect(share).toBeGreaterThan(0.85)
  })

  it('draws nothing until no single request can be recognised', () => {
    const shapes = traffic(LEAST_SHAPES, seeded(4))
    expect(draw(mixOf(shapes.slice(1)), seeded(1))).toBeUndefined()
    expect(shapes).toContainEqual(draw(mixOf(shapes), seeded(1)))
  })

  it('draws for a moment what comes at such moments', () => {
    const mix = mixOf(traffic(5000, seeded(5)))
    const random = seeded(6)
    for (let i = 0; i < 50; i++) {
      const night = draw(mix, random, { hour: 3, interArrivalMs: 250 })
      expect(night).toMatchObject({ maxTokens: 64, stream: false, hour: 3, interArrivalMs: 250 })
      const day = draw(mix, random, { hour: 12, interArrivalMs: 60_000 })
      expect(day?.maxTokens).not.toBe(64)
    }
  })

  it('knows how much comes, and when', () => {
    const shapes = traffic(2000, seeded(7)).map((shape) => ({ ...shape, interArrivalMs: 60_000 }))
    const mix = mixOf(shapes.map((shape, i) => ({ ...shape, hour: i % 4 === 0 ? 3 : 15 })))
    expect(requestsPerDay(mix)).toBeCloseTo(1440)
    expect(requestsPerDay(EMPTY_MIX)).toBe(0)
    const weights = hourWeights(mix)
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(24)
    expect((weights[15] ?? 0) / (weights[3] ?? 1)).toBeCloseTo(3, 0)
  })
})

describe('the time of a canary', () => {
  const mix = mixOf(traffic(5000, seeded(8)))

  it('is that of a request, each as likely as the other', () => {
    const random = seeded(9)
    const perDay = requestsPerDay(mix) / 20
    const replaced = Array.from({ length: 20_000 }, () => replacesRequest(mix, perDay, random))
    expect(replaced.filter(Boolean).length / 20_000).toBeCloseTo(0.05, 2)
    expect(replacesRequest(EMPTY_MIX, 1, () => 0)).toBe(false)
    expect(replacesRequest(mix, 1e9, () => 0.26)).toBe(false)
  })

  it('without traffic follows the hours of the spec’s, and never a fixed interval', () => {
    const random = seeded(10)
    const due: number[] = [0]
    while (due.length <= 5000) due.push(nextDueAt(mix, 10, due.at(-1) ?? 0, random))
    expect((due.at(-1) ?? 0) / 5000 / HOUR_MS).toBeCloseTo(2.4, 0)
    const gaps = due.slice(1).map((at, i) => at - (due[i] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThan(0)
    expect(new Set(gaps.map((gap) => Math.round(gap / 1000))).size).toBeGreaterThan(3000)
    const weights = hourWeights(mix)
    const counts = Array.from({ length: 24 }, () => 0)
    for (const at of due) {
      const hour = Math.floor(at / HOUR_MS) % 24
      counts[hour] = (counts[hour] ?? 0) + 1
    }
    for (const [hour, count] of counts.entries())
      expect(Math.abs((24 * count) / due.length - (weights[hour] ?? 0))).toBeLessThan(0.3)
  })
})
