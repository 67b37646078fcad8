import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClosedBy } from './availability.ts'
import { awakeSince, REST_AFTER_MS, restAfter, WAKE_AFTER_MS, type RestLook } from './rest-rule.ts'

type Look = Omit<RestLook, 'now'>

/** Whether it rests after each look; the looks are a second apart and the first is at 0. */
function follow(looks: readonly Look[]): boolean[] {
  let state = awakeSince(0)
  return looks.map((look, second) => {
    state = restAfter(state, { ...look, now: second * 1000 })
    return state.isResting
  })
}

const looks = (count: number, closedBy: ClosedBy | undefined, isWorking = false): Look[] =>
  Array.from({ length: count }, () => ({ closedBy, isWorking }))

const open = undefined

describe('whether an engine rests', () => {
  it.each([
    ['in_use', true],
    ['hours', true],
    ['hot', false],
    ['power', false],
    ['memory', false],
  ] as const)('while jobs are kept out by %s: %s', (closedBy, rests) => {
    const followed = follow(looks(60, closedBy))
    expect(followed.slice(0, 10)).not.toContain(true)
    expect(new Set(followed.slice(10))).toEqual(new Set([rests]))
  })

  it('not before all jobs are over, and not at once', () => {
    const busy = [...looks(30, open, true), ...looks(30, 'in_use', true)]
    // The last job was seen in the second before.
    expect(follow([...busy, ...looks(12, 'in_use')]).slice(60)).toEqual([
      ...Array.from({ length: 9 }, () => false),
      true,
      true,
      true,
    ])
  })

  it('at once where no job has run for long', () => {
    expect(follow([...looks(60, open), ...looks(1, 'in_use')]).at(-1)).toBe(true)
  })

  it('not again before jobs were let in for some seconds on end', () => {
    const back = [...looks(4, open), ...looks(1, 'in_use'), ...looks(7, open)]
    expect(follow([...looks(20, 'in_use'), ...back]).slice(20)).toEqual([
      ...Array.from({ length: 10 }, () => true),
      false,
      false,
    ])
  })

  it('on and on while it is kept out by something else meanwhile', () => {
    const followed = follow([...looks(20, 'in_use'), ...looks(20, 'memory'), ...looks(20, 'hot')])
    expect(new Set(followed.slice(20))).toEqual(new Set([true]))
  })

  const anyLook = fc.record({
    ms: fc.integer({ min: 1, max: 4_000 }),
    closedBy: fc.constantFrom<ClosedBy | undefined>(
      ...(['in_use', 'hours', 'hot', 'power', 'memory'] as const),
      open,
      open,
      open,
    ),
    isWorking: fc.boolean(),
  })

  it('begins after a rest of jobs, ends after a time of being open, and does neither in haste', () => {
    fc.assert(
      fc.property(fc.array(anyLook, { maxLength: 200 }), (all) => {
        let state = awakeSince(0)
        let [now, workedAt, shutAt, changedAt] = [0, 0, 0, 0]
        for (const { ms, closedBy, isWorking } of all) {
          now += ms
          if (isWorking) workedAt = now
          if (closedBy !== open) shutAt = now
          const next = restAfter(state, { now, closedBy, isWorking })
          if (next.isResting && !state.isResting) {
            expect(['in_use', 'hours']).toContain(closedBy)
            expect(now - Math.max(workedAt, changedAt)).toBeGreaterThanOrEqual(REST_AFTER_MS)
            changedAt = now
          } else if (!next.isResting && state.isResting) {
            expect(closedBy).toBe(open)
            expect(now - shutAt).toBeGreaterThanOrEqual(WAKE_AFTER_MS)
            expect(now - changedAt).toBeGreaterThanOrEqual(WAKE_AFTER_MS)
            changedAt = now
          }
          state = next
        }
      }),
    )
  })
})
