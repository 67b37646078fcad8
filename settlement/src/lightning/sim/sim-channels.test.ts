import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimChannels } from './sim-channels.ts'
import type { SimChannel } from './sim-state.ts'

const line = () => {
  const state: SimChannel[] = []
  const channels = new SimChannels(state)
  channels.open('a', 'b', 100_000n, 50_000n)
  channels.open('b', 'c', 100_000n, 50_000n)
  return { state, channels }
}
const total = (state: readonly SimChannel[]) =>
  state.reduce((sum, { aMsat, bMsat }) => sum + aMsat + bMsat, 0n)

describe('simulated channels', () => {
  it('carry an amount over the direct channel for nothing, and further for fees', () => {
    const { channels } = line()
    expect(channels.route('a', 'b', 100_000n)).toEqual({
      nodes: ['a', 'b'],
      amounts: [100_000n],
      feeMsat: 0n,
    })
    expect(channels.route('a', 'c', 50_000n)).toEqual({
      nodes: ['a', 'b', 'c'],
      amounts: [51_000n, 50_000n],
      feeMsat: 1_000n,
    })
    expect(channels.route('a', 'b', 100_001n)).toBeUndefined()
    expect(channels.route('a', 'c', 99_001n)).toBeUndefined()
    expect(channels.route('a', 'nobody', 1n)).toBeUndefined()
    expect(channels.route('a', 'a', 1n)).toBeUndefined()
  })

  it('neither make nor lose money, whatever is paid', () => {
    const step = fc.record({
      from: fc.constantFrom('a', 'b', 'c'),
      to: fc.constantFrom('a', 'b', 'c'),
      amountMsat: fc.bigInt(1n, 120_000n),
      outcome: fc.constantFrom('settle' as const, 'fail' as const),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { state, channels } = line()
        for (const { from, to, amountMsat, outcome } of steps) {
          const route = channels.route(from, to, amountMsat)
          if (route === undefined) continue
          const before = structuredClone(state)
          channels.lock(route)
          expect(total(state)).toBe(300_000n - route.amounts.reduce((sum, one) => sum + one, 0n))
          channels.release(route.nodes, amountMsat, outcome)
          expect(total(state)).toBe(300_000n)
          if (outcome === 'fail') expect(state).toEqual(before)
        }
      }),
    )
  })
})
