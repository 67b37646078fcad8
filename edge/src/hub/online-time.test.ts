import type { PeerId } from '@infernet/schemas/peer-id'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { LOOK_BACK_MS, type OnlineHour } from '../reputation/provider-port.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import {
  hoursOf,
  MAX_HOURS_PER_STATEMENT,
  MAX_WAITING_HOURS,
  ONLINE_SAVED_EVERY_MS,
  OnlineTime,
} from './online-time.ts'

const HOUR_MS = 3_600_000
const PEER = '12D3KooWonline' as PeerId
const sum = (hours: readonly { onlineMs: number }[]) =>
  hours.reduce((total, { onlineMs }) => total + onlineMs, 0)

describe('a span of time', () => {
  it('is split at the hours, without loss', () => {
    const time = fc.integer({ min: 0, max: 2 * LOOK_BACK_MS })
    fc.assert(
      fc.property(time, time, (from, length) => {
        const hours = hoursOf(from, from + length)
        expect(sum(hours)).toBe(Math.min(length, LOOK_BACK_MS))
        expect(new Set(hours.map(({ hour }) => hour)).size).toBe(hours.length)
        for (const { hour, onlineMs } of hours) {
          expect(hour % HOUR_MS).toBe(0)
          expect(onlineMs).toBeGreaterThan(0)
          expect(onlineMs).toBeLessThanOrEqual(HOUR_MS)
        }
      }),
    )
  })

  it('is nothing when a clock went back', () => {
    expect(hoursOf(10, 9)).toEqual([])
  })
})

describe('the time that a provider is connected', () => {
  let clock: ManualClock
  let statements: (readonly OnlineHour[])[]
  let errors: unknown[]
  let online: OnlineTime
  let write: (hours: readonly OnlineHour[]) => Promise<void>
  beforeEach(() => {
    clock = new ManualClock()
    statements = []
    errors = []
    write = async () => {}
    online = new OnlineTime({
      store: {
        addOnlineTime: (hours) => {
          statements.push(hours)
          return write(hours)
        },
      },
      now: clock.now,
      onError: (error) => errors.push(error),
    })
  })

  it('is written now and then while something happens, and when it leaves', async () => {
    online.joined(PEER, clock.now())
    clock.advance(ONLINE_SAVED_EVERY_MS - 1)
    expect(online.seen(PEER)).toBe(false)
    clock.advance(1)
    expect(online.seen(PEER)).toBe(true)
    expect(online.seen(PEER)).toBe(false)
    await online.written()
    expect(statements).toMatchObject([[{ provider: PEER, onlineMs: ONLINE_SAVED_EVERY_MS }]])
    clock.advance(2 * HOUR_MS)
    online.left(PEER)
    online.left(PEER)
    expect(online.seen(PEER)).toBe(false)
    await online.written()
    expect(statements).toHaveLength(2)
    expect(sum(statements.flat())).toBe(ONLINE_SAVED_EVERY_MS + 2 * HOUR_MS)
    expect(clock.waiting).toBe(0)
  })

  it('goes on from where a former life has counted', async () => {
    online.joined(PEER, clock.now() - 1000)
    clock.advance(500)
    online.left(PEER)
    await online.written()
    expect(sum(statements.flat())).toBe(1500)
  })

  it('is gathered while a statement is under way', async () => {
    let done = () => {}
    write = () => new Promise((resolve) => (done = resolve))
    for (const step of [1, 2, 3]) {
      online.joined(PEER, clock.now())
      clock.advance(step)
      online.left(PEER)
      await Promise.resolve()
    }
    expect(statements).toMatchObject([[{ onlineMs: 1 }]])
    write = async () => {}
    done()
    await online.written()
    expect(statements).toMatchObject([[{ onlineMs: 1 }], [{ onlineMs: 5 }]])
  })

  it('is lost where it cannot be written, and not counted twice', async () => {
    write = async () => {
      throw new Error('down')
    }
    online.joined(PEER, clock.now())
    clock.advance(ONLINE_SAVED_EVERY_MS)
    online.seen(PEER)
    await online.written()
    expect(errors).toHaveLength(1)
    write = async () => {}
    clock.advance(7)
    online.left(PEER)
    await online.written()
    expect(statements[1]).toMatchObject([{ onlineMs: 7 }])
  })

  it('waits in a bounded number of hours', async () => {
    const now = clock.now()
    for (let i = 0; i < 2 * MAX_WAITING_HOURS; i++) online.joined(`peer-${i}` as PeerId, now)
    clock.advance(1)
    for (let i = 0; i < 2 * MAX_WAITING_HOURS; i++) online.left(`peer-${i}` as PeerId)
    await online.written()
    expect(statements.flat().length).toBeLessThanOrEqual(MAX_WAITING_HOURS)
    for (const hours of statements)
      expect(hours.length).toBeLessThanOrEqual(MAX_HOURS_PER_STATEMENT)
  })
})
