import type { Gpu, Hardware } from '@infernet/schemas/hardware'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { speedLimit } from './speed-limit.ts'
import { throughputBound } from './throughput-bound.ts'

const card = (speed: number | undefined, fields: Partial<Gpu> = {}): Gpu => ({
  vendor: 'nvidia',
  name: 'NVIDIA H100 80GB HBM3',
  ...(speed === undefined ? {} : { bandwidth_gb_s: speed }),
  ...fields,
})
const machine = (...gpus: Gpu[]): Hardware => ({ gpus })

describe('what one answer can have', () => {
  it('is a pass over the weights for each token', () => {
    expect(throughputBound(3.35e12, 16e9)).toBeCloseTo(209.4, 1)
    expect(throughputBound(3.35e12, 16e9, 4)).toBeCloseTo(837.5, 1)
    expect(() => throughputBound(1, 0)).toThrow(RangeError)
    expect(() => throughputBound(0, 1)).toThrow(RangeError)
  })

  it('leaves room for drafts, caches and main memory', () => {
    const bound = speedLimit(machine(card(3350)), 'cuda', 40e9)
    expect(bound).toBeCloseTo((17 * (3.35e12 + 1.5e12)) / (40e9 - 2.5e9 - 0.256e9), 6)
  })

  it('is not known of what may lie in a cache, or of a machine that is not told', () => {
    expect(speedLimit(machine(card(3350)), 'cuda', 2e9)).toBeUndefined()
    expect(speedLimit(machine(card(3350)), 'cuda', undefined)).toBeUndefined()
    expect(speedLimit(undefined, 'cuda', 40e9)).toBeUndefined()
    expect(speedLimit(machine(card(3350), card(undefined)), 'cuda', 40e9)).toBeUndefined()
    expect(speedLimit(machine(), 'cuda', 40e9)).toBeUndefined()
    expect(speedLimit(machine(), 'cpu', 40e9)).toBeGreaterThan(0)
  })

  it('is never below what the cards alone can read, and grows with every card', () => {
    const speeds = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 16 })
    const bytes = fc.double({ min: 1e7, max: 2e12, noNaN: true })
    fc.assert(
      fc.property(speeds, bytes, (cards, tokenBytes) => {
        const bound = speedLimit(machine(...cards.map((speed) => card(speed))), 'cuda', tokenBytes)
        if (bound === undefined) return
        const most = cards.reduce((sum, speed) => sum + speed * 1e9, 0)
        expect(bound).toBeGreaterThanOrEqual(throughputBound(most, tokenBytes, 17))
        const more = machine(...[...cards, 1].map((speed) => card(speed)))
        const larger = speedLimit(more, 'cuda', tokenBytes)
        expect(larger === undefined || larger > bound).toBe(true)
      }),
    )
  })
})
