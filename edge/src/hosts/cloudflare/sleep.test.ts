import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sleep } from './sleep.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a sleep', () => {
  it('leaves nothing at a signal that lives on', async () => {
    const { signal } = new AbortController()
    const over = sleep(1_000, signal)
    await vi.advanceTimersByTimeAsync(1_000)
    await over
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('is over at once, without a timer, when the signal aborts or has done so', async () => {
    const stop = new AbortController()
    const over = sleep(1_000, stop.signal)
    stop.abort()
    await over
    await sleep(1_000, stop.signal)
    expect(vi.getTimerCount()).toBe(0)
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  })
})
