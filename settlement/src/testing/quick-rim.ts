import { setTimeout as sleep } from 'node:timers/promises'
import type { DeskRim } from '../intake/desk-rim.ts'

/** Five seconds are a millisecond: backoffs and rounds are as long as ever, in proportion. */
const SPEED = 5_000

export interface QuickRim extends DeskRim {
  readonly problems: { readonly id: string; readonly error: unknown }[]
}

/** Sleeps five thousand times shorter than told; chance is the sequence of `seed`. `now` in Unix seconds. */
export function quickRim(now: () => number, seed = 1): QuickRim {
  const random = seeded(seed)
  const problems: QuickRim['problems'] = []
  return {
    now,
    random,
    sleep: async (ms, signal) => {
      await sleep(ms / SPEED, undefined, { signal }).catch(() => {})
    },
    problem: (about) => problems.push(about),
    problems,
  }
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
