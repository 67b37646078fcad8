import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { forgetOldest } from './oldest-first.ts'

describe('forgetting the oldest', () => {
  it('leaves the newest, never more than the limit and never many fewer', () => {
    const anyMost = fc.integer({ min: 1, max: 100 })
    fc.assert(
      fc.property(anyMost, fc.integer({ min: 0, max: 300 }), (most, count) => {
        const entries = new Map<number, string>()
        for (let i = 0; i < count; i++) {
          entries.set(i, 'entry')
          forgetOldest(entries, most)
          expect(entries.size).toBeLessThanOrEqual(most)
        }
        expect(entries.size).toBeGreaterThanOrEqual(Math.min(count, most - (most >> 4)))
        const newest = [...Array(count).keys()].slice(count - entries.size)
        expect([...entries.keys()]).toEqual(newest)
      }),
    )
  })
})
