import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  borrow,
  fullBucket,
  giveBack,
  isFull,
  refill,
  take,
  waitMs,
  windowOf,
} from './token-bucket.ts'

const limit = fc.integer({ min: 1, max: 2 ** 31 - 1 })

describe('a token bucket', () => {
  it('holds its limit and refills it in a minute', () => {
    const bucket = fullBucket(6, 1000)
    for (let i = 0; i < 6; i++) {
      expect(waitMs(bucket, 1)).toBe(0)
      take(bucket, 1)
    }
    expect(waitMs(bucket, 1)).toBe(10_000)
    expect(windowOf(bucket)).toEqual({ limit: 6, remaining: 0, resetMs: 60_000 })
    refill(bucket, 6, 11_000)
    expect(windowOf(bucket)).toEqual({ limit: 6, remaining: 1, resetMs: 50_000 })
    refill(bucket, 6, 1_000_000)
    expect(windowOf(bucket)).toEqual({ limit: 6, remaining: 6, resetMs: 0 })
    expect(isFull(bucket)).toBe(true)
  })

  it('lets what is larger than itself through when it is full, and then pays the debt', () => {
    const bucket = fullBucket(60, 0)
    take(bucket, 1)
    expect(waitMs(bucket, 100)).toBe(1_000)
    refill(bucket, 60, 1_000)
    expect(waitMs(bucket, 100)).toBe(0)
    take(bucket, 100)
    expect(windowOf(bucket)).toEqual({ limit: 60, remaining: 0, resetMs: 100_000 })
    expect(waitMs(bucket, 1)).toBe(41_000)
  })

  it('takes back what was not used', () => {
    const bucket = fullBucket(100, 0)
    const share = borrow(bucket, 80)
    giveBack(bucket, share, 30)
    expect(windowOf(bucket).remaining).toBe(50)
    giveBack(bucket, borrow(bucket, 20), 50)
    expect(windowOf(bucket).remaining).toBe(50)
  })

  it('takes back only what it would have had room for', () => {
    const bucket = fullBucket(60, 0)
    const [first, second] = [borrow(bucket, 30), borrow(bucket, 30)]
    refill(bucket, 60, 20_000)
    // 20 have flowed in, for which there would have been no room: the older job has lost them.
    take(bucket, 20)
    giveBack(bucket, first, 30)
    expect(windowOf(bucket).remaining).toBe(10)
    giveBack(bucket, second, 30)
    expect(windowOf(bucket).remaining).toBe(40)
    expect(bucket.shares.size).toBe(0)
    expect(bucket.shared).toBe(0)
  })

  it('takes nothing back when it has been full since', () => {
    const bucket = fullBucket(60, 0)
    const share = borrow(bucket, 30)
    refill(bucket, 60, 60_000)
    take(bucket, 40)
    giveBack(bucket, share, 30)
    expect(windowOf(bucket).remaining).toBe(20)
  })

  it('keeps what was used when its limit changes', () => {
    const bucket = fullBucket(100, 0)
    take(bucket, 80)
    refill(bucket, 150, 0)
    expect(windowOf(bucket)).toMatchObject({ limit: 150, remaining: 70 })
    refill(bucket, 50, 0)
    expect(windowOf(bucket)).toMatchObject({ limit: 50, remaining: 0 })
    refill(bucket, 100, 0)
    expect(windowOf(bucket)).toMatchObject({ limit: 100, remaining: 20 })
  })

  it('goes on when the clock goes back', () => {
    const bucket = fullBucket(60, 100_000)
    take(bucket, 60)
    refill(bucket, 60, 50_000)
    expect(windowOf(bucket).remaining).toBe(0)
    refill(bucket, 60, 51_000)
    expect(windowOf(bucket).remaining).toBe(1)
  })

  it('refills exactly, in however many steps it is looked at', () => {
    fc.assert(
      fc.property(limit, fc.array(fc.nat(20_000), { maxLength: 20 }), (size, steps) => {
        const [often, once] = [fullBucket(size, 0), fullBucket(size, 0)]
        take(often, size)
        take(once, size)
        let now = 0
        for (const step of steps) refill(often, size, (now += step))
        refill(once, size, now)
        expect(often).toEqual(once)
      }),
    )
  })

  it('knows to the millisecond when to come again', () => {
    fc.assert(
      fc.property(limit, fc.nat(2 ** 31), fc.nat(2 ** 31), (size, used, wanted) => {
        const bucket = fullBucket(size, 0)
        take(bucket, used)
        const wait = waitMs(bucket, wanted)
        if (wait === 0) return
        refill(bucket, size, wait - 1)
        expect(waitMs(bucket, wanted)).toBe(1)
        refill(bucket, size, wait)
        expect(waitMs(bucket, wanted)).toBe(0)
      }),
    )
  })
})
