import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ENOUGH_ROUND_TRIPS, RoundTrips } from './round-trips.ts'

describe('round trips', () => {
  it('are the shortest of many', () => {
    const times = fc.array(fc.nat({ max: 5_000 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(times, (taken) => {
        let now = 7
        const trips = new RoundTrips(() => now)
        for (const ms of taken) {
          const payload = trips.ping()
          now += ms
          trips.pong(payload)
        }
        const isKnown = taken.length >= ENOUGH_ROUND_TRIPS
        expect(trips.shortestMs).toBe(isKnown ? Math.min(...taken) : undefined)
      }),
    )
  })

  it('cannot be answered early, twice, or for an older ping', () => {
    let now = 0
    const trips = new RoundTrips(() => now)
    const older = trips.ping()
    const payload = trips.ping()
    now += 30
    for (const wrong of [older, Buffer.alloc(8), Buffer.alloc(0)]) trips.pong(wrong)
    for (let i = 0; i < ENOUGH_ROUND_TRIPS; i++) trips.pong(payload)
    expect(trips.shortestMs).toBeUndefined()
    for (let i = 1; i < ENOUGH_ROUND_TRIPS; i++) {
      const next = trips.ping()
      now += 40
      trips.pong(next)
    }
    expect(trips.shortestMs).toBe(30)
  })
})
