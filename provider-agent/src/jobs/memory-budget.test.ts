import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryBudget, type Reservation } from './memory-budget.ts'

const MAX = 1_000

const acts = fc.array(
  fc.record({
    act: fc.constantFrom('reserve' as const, 'grow' as const, 'free' as const),
    bytes: fc.nat(600),
    which: fc.nat(20),
  }),
  { maxLength: 60 },
)

describe('a memory budget', () => {
  it('holds what was granted and not given back, and never more than it may', () => {
    fc.assert(
      fc.property(acts, (taken) => {
        const budget = new MemoryBudget(MAX)
        const parts: { part: Reservation; first: number; bytes: number }[] = []
        for (const { act, bytes, which } of taken) {
          const before = budget.heldBytes
          const one = parts[which % Math.max(1, parts.length)]
          if (act === 'reserve') {
            const part = budget.reserve(bytes)
            expect(part === undefined).toBe(before + bytes > 0.75 * MAX)
            if (part !== undefined) parts.push({ part, first: bytes, bytes })
          } else if (act === 'grow' && one !== undefined) {
            const wanted = one.first + bytes
            const fits = wanted <= one.bytes || before + wanted - one.bytes <= MAX
            expect(one.part.grow(bytes)).toBe(fits)
            if (fits) one.bytes = wanted
          } else if (one !== undefined) {
            one.part.free()
            parts.splice(parts.indexOf(one), 1)
          }
          expect(budget.heldBytes).toBe(parts.reduce((sum, part) => sum + part.bytes, 0))
          expect(budget.heldBytes).toBeLessThanOrEqual(MAX)
        }
        for (const { part } of parts) part.free()
        for (const { part } of parts) part.free()
        expect(budget.heldBytes).toBe(0)
      }),
    )
  })

  it('leaves room for the answers of those that have begun', () => {
    const budget = new MemoryBudget(MAX)
    const part = budget.reserve(750)
    expect(budget.reserve(1)).toBeUndefined()
    expect(part?.grow(250)).toBe(true)
    expect(part?.grow(251)).toBe(false)
    expect(budget.heldBytes).toBe(MAX)
  })
})
