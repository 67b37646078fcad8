import { describe, expect, it } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { MAX_WAVES, ROUND_TIMEOUT_MS } from './challenge-limits.ts'
import { roundPaces, type Answered } from './challenge-round.ts'

const settled = () => new Promise(setImmediate)

/** Providers whose every answer takes so many ms and has 100 tokens. */
function world() {
  const clock = new ManualClock()
  const asks: { readonly ms: number; isEnded: boolean; wasCut: boolean }[] = []
  const parts = {
    sleep: (ms: number, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        clock.later(resolve, ms)
        signal.addEventListener('abort', () => resolve())
      }),
    ask: (ms: number, signal: AbortSignal) => {
      const asked = { ms, isEnded: false, wasCut: false }
      asks.push(asked)
      return new Promise<Answered>((resolve) => {
        const end = (tokens: number): void => {
          asked.isEnded = true
          resolve({ tokens, ms })
        }
        clock.later(() => end(100), ms)
        signal.addEventListener('abort', () => {
          asked.wasCut = !asked.isEnded
          end(0)
        })
      })
    },
  }
  const advance = async (ms: number, step = 10): Promise<void> => {
    for (let gone = 0; gone < ms; gone += step) {
      clock.advance(step)
      await settled()
    }
  }
  return { advance, asks, parts }
}
const never = new AbortController().signal

describe('a round', () => {
  it('tells how fast each was with its answers', async () => {
    const { advance, asks, parts } = world()
    const paces = roundPaces([{ asked: 50, streams: 4 }], parts, never)
    await advance(60)
    expect(await paces).toEqual([2])
    expect(asks).toHaveLength(4)
  })

  it('counts what was refused as nothing, however quick the rest was', async () => {
    const { advance, parts } = world()
    let asked = 0
    const ask = (ms: number, signal: AbortSignal) =>
      asked++ % 2 === 0 ? parts.ask(ms, signal) : Promise.resolve({ tokens: 0, ms: 0 })
    const paces = roundPaces([{ asked: 50, streams: 4 }], { ...parts, ask }, never)
    await advance(60)
    expect(await paces).toEqual([1])
  })

  it('keeps who is ready at work until the others are, and counts nothing of it', async () => {
    const { advance, asks, parts } = world()
    const slow = { asked: 100, streams: 1 }
    const paces = roundPaces([{ asked: 20, streams: 2 }, slow], parts, never)
    await advance(100)
    expect(await paces).toEqual([5, 1])
    const quick = asks.filter(({ ms }) => ms === 20)
    expect(quick.length).toBeGreaterThan(2 * 4)
    expect(quick.every(({ isEnded }) => isEnded)).toBe(true)
  })

  it('asks no more than a few times again', async () => {
    const { advance, asks, parts } = world()
    const both = [10, 1_000].map((asked) => ({ asked, streams: 1 }))
    const paces = roundPaces(both, parts, never)
    await advance(1_000)
    await paces
    expect(asks.filter(({ ms }) => ms === 10)).toHaveLength(MAX_WAVES)
  })

  it('ends in time', async () => {
    const { advance, asks, parts } = world()
    const paces = roundPaces([{ asked: 2 * ROUND_TIMEOUT_MS, streams: 3 }], parts, never)
    await advance(ROUND_TIMEOUT_MS, ROUND_TIMEOUT_MS / 4)
    expect(await paces).toEqual([0])
    expect(asks.every(({ wasCut }) => wasCut)).toBe(true)
  })

  it('is nothing when it is called off, or an ask fails, and lets nobody go on', async () => {
    const called = world()
    const stop = new AbortController()
    const off = roundPaces([{ asked: 100, streams: 2 }], called.parts, stop.signal)
    stop.abort()
    await expect(off).rejects.toThrow('aborted')
    const failing = world()
    const ask = (ms: number, signal: AbortSignal) =>
      ms === 1 ? Promise.reject(new Error('unpaid')) : failing.parts.ask(ms, signal)
    const both = [1, 100].map((asked) => ({ asked, streams: 1 }))
    await expect(roundPaces(both, { ...failing.parts, ask }, never)).rejects.toThrow('unpaid')
    expect(failing.asks).toMatchObject([{ wasCut: true }])
  })
})
