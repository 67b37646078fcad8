import type { PeerId } from '@infernet/schemas/peer-id'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { shardOf } from '../testing/shards.ts'
import {
  MAX_REPORT_ATTEMPTS,
  MAX_REPORTED_LOGINS,
  MAX_UNREPORTED_LOGINS,
  REPORT_INTERVAL_MS,
} from './shard-limits.ts'
import { ShardReporter } from './shard-reporter.ts'
import type { ShardLogin, ShardSnapshot } from './shard-snapshot.ts'

function reporter() {
  const clock = new ManualClock()
  const sent: { at: number; snapshot: ShardSnapshot; logins: readonly ShardLogin[] }[] = []
  const state = { free: 4, providers: 1, isDown: false, errors: 0 }
  const reports = new ShardReporter({
    snapshot: () => shardOf('hub:weur:0', ['m'], state),
    send: async (snapshot, logins) => {
      if (state.isDown) throw new Error('down')
      sent.push({ at: clock.now(), snapshot, logins })
    },
    later: clock.later,
    now: clock.now,
    onError: () => state.errors++,
  })
  /** Moves on in small steps, with time for promises in between. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left))
      for (let i = 0; i < 5; i++) await Promise.resolve()
    }
  }
  return { clock, sent, state, reports, pass }
}
const login = (peer: string, at = 1): ShardLogin => ({ peer: peer as PeerId, at })

describe('what a shard reports', () => {
  it('is its last state, at most once a second, and leaves no timer behind', async () => {
    const steps = fc.array(
      fc.record({ free: fc.nat({ max: 4 }), providers: fc.nat({ max: 2 }), wait: fc.nat(1_500) }),
      { maxLength: 20 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { clock, sent, state, reports, pass } = reporter()
        reports.touch()
        for (const { wait, ...load } of all) {
          Object.assign(state, load)
          reports.touch()
          await pass(wait)
        }
        await pass(3 * REPORT_INTERVAL_MS)
        expect(clock.waiting).toBe(0)
        expect(sent.at(-1)?.snapshot).toMatchObject({
          freeSlots: [state.free],
          providers: state.providers,
        })
        for (const [index, { at }] of sent.entries()) {
          if (index > 0)
            expect(at - (sent[index - 1]?.at ?? 0)).toBeGreaterThanOrEqual(REPORT_INTERVAL_MS)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('is nothing while nothing has changed', async () => {
    const { sent, reports, pass } = reporter()
    for (let i = 0; i < 5; i++) {
      reports.touch()
      await pass(2 * REPORT_INTERVAL_MS)
    }
    expect(sent).toHaveLength(1)
  })

  it('names every login until the directory has heard of it, in parts', async () => {
    const { sent, state, reports, pass } = reporter()
    state.isDown = true
    for (let i = 0; i < MAX_UNREPORTED_LOGINS + 5; i++) reports.loggedIn(login(`p${i}`))
    reports.loggedIn(login('p0', 2))
    await pass(2 * REPORT_INTERVAL_MS)
    state.isDown = false
    await pass(20 * REPORT_INTERVAL_MS)
    const told = sent.flatMap(({ logins }) => logins)
    expect(told).toHaveLength(MAX_UNREPORTED_LOGINS)
    expect(told[0]).toEqual(login('p0', 2))
    for (const { logins } of sent) expect(logins.length).toBeLessThanOrEqual(MAX_REPORTED_LOGINS)
  })

  it('is given up while the directory is down, and tried anew at the next event', async () => {
    const { clock, sent, state, reports, pass } = reporter()
    state.isDown = true
    reports.loggedIn(login('p'))
    await pass(200_000)
    expect(state.errors).toBe(MAX_REPORT_ATTEMPTS)
    expect(clock.waiting).toBe(0)
    state.isDown = false
    reports.touch()
    await pass(REPORT_INTERVAL_MS)
    expect(sent).toMatchObject([{ logins: [login('p')] }])
  })
})
