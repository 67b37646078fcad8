import { describe, expect, it } from 'vitest'
import { LightningError } from '../lightning/lightning-error.ts'
import { IntakeError } from './intake-error.ts'
import { backoffMs, isPassing, MAX_BACKOFF_MS, repeat, together } from './retry.ts'

const rim = (slept: number[]) => ({
  now: () => 0,
  random: () => 0.999_999,
  sleep: async (ms: number) => void slept.push(ms),
})

describe('the backoff', () => {
  it('doubles up to its limit, at least half of it for certain', () => {
    expect([0, 1, 2].map((failures) => backoffMs(failures, 0.999_999))).toEqual([200, 400, 800])
    expect(backoffMs(0, 0)).toBe(100)
    expect(backoffMs(1_000, 0.999_999)).toBe(MAX_BACKOFF_MS)
  })

  it('is for what goes away by itself', () => {
    expect(isPassing(new LightningError('unavailable', ''))).toBe(true)
    expect(isPassing(new LightningError('timeout', ''))).toBe(true)
    expect(isPassing(new IntakeError('store_unavailable', ''))).toBe(true)
    expect(isPassing(new LightningError('permission', ''))).toBe(false)
    expect(isPassing(new IntakeError('illegal_move', ''))).toBe(false)
    expect(isPassing(new Error('unavailable'))).toBe(false)
  })
})

describe('repeated work', () => {
  it('waits longer from failure to failure, and from the beginning after progress', async () => {
    const slept: number[] = []
    const stop = new AbortController()
    let round = 0
    await repeat(rim(slept), stop.signal, 7, async (progress) => {
      round++
      if (round === 6) stop.abort()
      if (round === 4) progress()
      if (round !== 3) throw new LightningError('unavailable', 'gone')
    })
    expect(slept).toEqual([200, 400, 7, 200, 400])
  })

  it('ends with what does not go away', async () => {
    const work = async () => {
      throw new LightningError('permission', 'no')
    }
    const never = new AbortController().signal
    await expect(repeat(rim([]), never, 7, work)).rejects.toMatchObject({ code: 'permission' })
  })

  it('stops beside another that fails', async () => {
    let stopped = false
    const waits = async (signal: AbortSignal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      stopped = true
    }
    const fails = async () => {
      throw new RangeError('this one')
    }
    const never = new AbortController().signal
    await expect(together(never, [waits, fails])).rejects.toThrow('this one')
    expect(stopped).toBe(true)
  })
})
