import { CLOSE } from '@infernet/schemas/close-codes'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failuresAfter, reconnectDelay } from './reconnect-policy.ts'

const never = { welcomeMs: 0 }

describe('reconnecting', () => {
  it('doubles its ceiling from 250 ms to 30 s', () => {
    const ceilings = Array.from({ length: 9 }, (_, n) => reconnectDelay(n, never, 1))
    expect(ceilings).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })

  it('waits anywhere between nothing and the ceiling', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const delay = reconnectDelay(failures, never, random)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(30_000)
      }),
    )
    expect(reconnectDelay(5, never, 0)).toBe(0)
  })

  it('keeps its distance when another agent has the key', () => {
    const replaced = { welcomeMs: 60_000, code: CLOSE.replaced }
    expect(reconnectDelay(0, replaced, 0)).toBe(15_000)
    expect(reconnectDelay(0, replaced, 1)).toBe(30_000)
  })

  it('forgets failures after a connection that lasted, not after a short one', () => {
    expect(failuresAfter(7, { welcomeMs: 9_999 })).toBe(8)
    expect(failuresAfter(7, { welcomeMs: 10_000 })).toBe(0)
  })
})
