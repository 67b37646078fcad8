import { describe, expect, it } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { MAX_ONCE_WAITERS, OnceWaiters } from './once-waiters.ts'

function open() {
  const clock = new ManualClock()
  let stopped = 0
  const waiters = new OnceWaiters((task, delayMs) => {
    clock.later(task, delayMs)
    return () => void stopped++
  })
  return { clock, waiters, stopped: () => stopped }
}
/** Whether a promise has been resolved by now. */
const isOver = async (promise: Promise<boolean>) =>
  await Promise.race([promise.then(() => true), Promise.resolve(false)])

describe('those who wait for another’s answer', () => {
  it('hear of its end, and of no other’s', async () => {
    const { waiters, stopped } = open()
    const [a, b, c] = [waiters.wait('x', 9), waiters.wait('x', 9), waiters.wait('y', 9)]
    waiters.wake('x')
    expect(await Promise.all([a, b])).toEqual([true, true])
    expect(await isOver(c)).toBe(false)
    expect(stopped()).toBe(2)
    waiters.wakeAll()
    expect(await c).toBe(true)
  })

  it('wait no longer than they want to', async () => {
    const { clock, waiters } = open()
    const [soon, late, past] = [waiters.wait('x', 9), waiters.wait('x', 10), waiters.wait('x', -1)]
    clock.advance(0)
    expect(await past).toBe(true)
    clock.advance(9)
    expect(await soon).toBe(true)
    expect(await isOver(late)).toBe(false)
    clock.advance(1)
    expect(await late).toBe(true)
  })

  it('are turned away when there are too many, until one leaves', async () => {
    const { waiters } = open()
    const first = waiters.wait('first', 9)
    for (let i = 1; i < MAX_ONCE_WAITERS; i++) void waiters.wait('x', 9)
    expect(await waiters.wait('x', 9)).toBe(false)
    waiters.wake('first')
    await first
    waiters.wake('first')
    expect(await isOver(waiters.wait('x', 9))).toBe(false)
    expect(await waiters.wait('x', 9)).toBe(false)
  })
})
