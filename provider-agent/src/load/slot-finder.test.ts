import { seededRandom, type Random } from '@infernet/verification/economics/random'
import { describe, expect, it } from 'vitest'
import { SlotFinder } from './slot-finder.ts'

const TICK_MS = 250

interface SimulatedJob {
  readonly since: number
  readonly tokens: number
  written: number
  ttftMs: number | undefined
}

/** An engine that answers so many side by side, each at 40 tokens a second, and lets the others wait. */
class SimulatedEngine {
  jobs: SimulatedJob[] = []
  readonly #width: number
  readonly #random: Random

  constructor(width: number, random: Random) {
    this.#width = width
    this.#random = random
  }

  get running(): number {
    return this.jobs.length
  }

  get written(): number {
    return this.jobs.reduce((sum, { written }) => sum + written, 0)
  }

  begin(now: number): void {
    const tokens = Math.round(80 + 240 * this.#random())
    this.jobs.push({ since: now, tokens, written: 0, ttftMs: undefined })
  }

  /** Those that have ended after one tick more. */
  step(now: number): SimulatedJob[] {
    for (const job of this.jobs.slice(0, this.#width)) {
      job.ttftMs ??= now - job.since
      job.written = Math.min(job.tokens, job.written + (40 * TICK_MS) / 1000)
    }
    const ended = this.jobs.filter(({ written, tokens }) => written >= tokens)
    this.jobs = this.jobs.filter(({ written, tokens }) => written < tokens)
    return ended
  }
}

interface Situation {
  readonly width: number
  /** What the engine says of it. */
  readonly most?: number
  /** Jobs that there are at a time. */
  readonly demand?: number
  readonly seconds: number
}

/** The slots at each second of a simulated time. */
function slotsOver({ width, most, demand = 1000, seconds }: Situation): number[] {
  const engine = new SimulatedEngine(width, seededRandom(7))
  const finder = new SlotFinder(() => most)
  const slots: number[] = []
  for (let now = 0; now < seconds * 1000; now += TICK_MS) {
    while (engine.running < Math.min(demand, finder.slots)) engine.begin(now)
    for (const { tokens, ttftMs } of engine.step(now)) {
      const usage = { prompt_tokens: 0, completion_tokens: tokens }
      finder.finished({ header: { stream: true }, state: 'ended', usage, ttftMs })
    }
    finder.tick(now, engine)
    if (now % 1000 === 0) slots.push(finder.slots)
  }
  return slots
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

describe('finding the slots of an engine', () => {
  it.each([3, 12, 48])('ends near the %i jobs that it serves side by side', (width) => {
    const slots = slotsOver({ width, seconds: 3_600 })
    const lately = mean(slots.slice(1_800))
    expect(lately).toBeGreaterThan(0.75 * width)
    expect(lately).toBeLessThan(1.35 * width)
  })

  it('never takes more than the engine says that it serves', () => {
    const slots = slotsOver({ width: 64, most: 9, seconds: 1_200 })
    expect(Math.max(...slots)).toBe(9)
    expect(Math.max(...slotsOver({ width: 64, most: 1, seconds: 600 }))).toBe(1)
  })

  it('learns nothing while there are fewer jobs than slots', () => {
    expect(new Set(slotsOver({ width: 1, demand: 3, seconds: 600 }))).toEqual(new Set([4]))
  })

  it('gives up what the engine has lost', () => {
    let most = 32
    const finder = new SlotFinder(() => most)
    expect(finder.slots).toBe(4)
    most = 2
    expect(finder.slots).toBe(2)
  })
})
