import { normal, seededRandom } from '@infernet/verification/economics/random'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { searchAfter, searchWithin, startedSearch, type Stretch } from './slot-search.ts'

/** Tokens a second of all jobs, and ms to a first token, with so many jobs at once. */
type Model = (slots: number) => Pick<Stretch, 'tokensPerSecond' | 'ttftMs'>

/** A batch in which each job more slows all down: a token takes 10 ms, and `slowdown` ms for each job. */
const batch =
  (slowdown: number): Model =>
  (slots) => ({ tokensPerSecond: (1000 * slots) / (10 + slowdown * slots), ttftMs: 100 })

/** Serves so many at once at full speed, and lets the others wait. */
const queueing =
  (width: number): Model =>
  (slots) => ({ tokensPerSecond: 50 * Math.min(slots, width), ttftMs: 100 })

/** Each job more brings more, and all wait longer for their first token. */
const slowToStart: Model = (slots) => ({ tokensPerSecond: 50 * slots, ttftMs: 60 * slots ** 1.5 })

/** The numbers that a search goes through among stretches that are off by some 5 %. */
function slotsOf(model: Model, stretches: number, most: number, seed: number): number[] {
  const random = seededRandom(seed)
  const noise = (): number => 1 + 0.05 * normal(random)
  let search = startedSearch(Math.min(4, most))
  return Array.from({ length: stretches }, () => {
    const { tokensPerSecond, ttftMs = 0 } = model(search.slots)
    const { slots } = search
    const stretch = { slots, tokensPerSecond: tokensPerSecond * noise(), ttftMs: ttftMs * noise() }
    search = searchAfter(search, stretch, { least: 2, most })
    return search.slots
  })
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

describe('the search for the best number of jobs at once', () => {
  it.each([
    // Three times 10 ms: there a job more brings a quarter of what a job brings.
    ['an engine that batches well', batch(0.5), 60],
    ['an engine that batches badly', batch(3), 10],
    ['an engine of eight slots', queueing(8), 8],
    ['an engine of one slot', queueing(1), 2],
    ['a large engine', queueing(200), 200],
    // Three seconds to a first token.
    ['an engine that is slow to start', slowToStart, 14],
  ] as const)('ends near the best of %s', (_, model, best) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const slots = slotsOf(model, 400, 256, seed)
      const lately = slots.slice(100)
      expect(mean(lately), `seed ${seed}`).toBeGreaterThan(0.65 * best)
      expect(mean(lately), `seed ${seed}`).toBeLessThan(1.5 * best)
      const served = mean(lately.map((n) => model(n).tokensPerSecond))
      expect(served, `seed ${seed}`).toBeGreaterThan(0.85 * model(best).tokensPerSecond)
    }
  })

  it('is quick where there is room: from 4 to 64 within eight stretches', () => {
    expect(Math.max(...slotsOf(queueing(200), 8, 256, 1))).toBeGreaterThanOrEqual(64)
  })

  it('follows an engine that has become another', () => {
    const models = [queueing(40), queueing(6)]
    let search = startedSearch(4)
    const after = models.map((model) => {
      for (let i = 0; i < 150; i++) {
        const stretch = { slots: search.slots, ...model(search.slots) }
        search = searchAfter(search, stretch, { least: 2, most: 256 })
      }
      return search.proven?.slots
    })
    expect(after[0]).toBeGreaterThan(28)
    expect(after[1]).toBeLessThan(10)
  })

  it('is never out of bounds, whatever was measured', () => {
    const figure = fc.double({ min: 0, max: 1e6, noNaN: true })
    const measured = fc.record({
      tokensPerSecond: figure,
      ttftMs: fc.option(figure, { nil: undefined }),
      most: fc.integer({ min: 1, max: 300 }),
    })
    fc.assert(
      fc.property(fc.array(measured, { maxLength: 60 }), (stretches) => {
        let search = startedSearch(4)
        for (const { most, ...figures } of stretches) {
          const bounds = { least: Math.min(2, most), most }
          search = searchWithin(search, bounds)
          search = searchAfter(search, { slots: search.slots, ...figures }, bounds)
          expect(search.slots).toBeGreaterThanOrEqual(bounds.least)
          expect(search.slots).toBeLessThanOrEqual(bounds.most)
          expect(Number.isInteger(search.slots)).toBe(true)
        }
      }),
    )
  })
})
