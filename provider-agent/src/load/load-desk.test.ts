import { describe, expect, it } from 'vitest'
import type { EngineLoad, EngineModel } from '../engines/engine.ts'
import { LoadDesk } from './load-desk.ts'

const model = (id: string): EngineModel => ({
  id,
  contextLength: 1_000,
  capabilities: [],
  endpoints: ['completions'],
})

/** What an engine says, as a test changes it. */
interface Said {
  models: readonly EngineModel[]
  slots?: number | undefined
  hasSlotsPerModel?: boolean
  load?: EngineLoad | undefined
  cacheTokens?: number | undefined
}

const makeDesk = (said: Partial<Said>, slots?: number) => {
  const engine: Said = { models: [], ...said }
  return { engine, desk: new LoadDesk({ engine, slots, startedAt: 1_000 }) }
}

const jobs = { running: 3, written: 100, held: 400 }

describe('the load desk', () => {
  it('takes as many as the owner says, less those who wait in the engine', () => {
    const { desk, engine } = makeDesk({ slots: 2 }, 6)
    desk.announce(0)
    expect(desk.slots).toBe(6)
    engine.load = { others: 5, waiting: 4 }
    expect(desk.slots).toBe(2)
    expect(desk.report(jobs)).toEqual({ running: 4, waiting: 4, slots: 2, cache_since: 1_000 })
    engine.load = { others: 9, waiting: 9 }
    expect(desk.slots).toBe(1)
    engine.load = { others: 1, waiting: 0 }
    expect(desk.report(jobs)).toEqual({ running: 4, waiting: 0, cache_since: 1_000 })
  })

  it('takes no more than the engine answers side by side where the owner does not say', () => {
    const { desk, engine } = makeDesk({})
    expect(desk.usualSlots).toBe(4)
    desk.announce(1_000)
    engine.slots = 3
    expect(desk.report().slots).toBe(3)
    expect([desk.isDue(60_999), desk.isDue(61_000)]).toEqual([false, true])
    expect(desk.announce(61_000)).toBe(3)
    expect([desk.report().slots, desk.isDue(999_999)]).toEqual([undefined, false])
  })

  it('takes so many of each model where these share nothing', () => {
    const said = { models: [model('a'), model('b')], hasSlotsPerModel: true, slots: 3 }
    const { desk, engine } = makeDesk(said)
    expect([desk.slotsPerModel, desk.usualSlots, desk.announce(0)]).toEqual([3, 6, 6])
    engine.load = { others: 0, waiting: 2 }
    expect(desk.report().slots).toBe(4)
    engine.models = [model('b')]
    expect([desk.slotsPerModel, desk.usualSlots]).toEqual([3, 3])
    engine.models = []
    expect(desk.usualSlots).toBe(3)
    expect(makeDesk(said, 5).desk.usualSlots).toBe(10)
    expect(makeDesk(said, 1_000).desk.usualSlots).toBe(1_024)
    expect(makeDesk({ ...said, hasSlotsPerModel: false }, 5).desk.usualSlots).toBe(5)
  })

  it('finds out how many of each model, by how full both are', () => {
    const said = { models: [model('a'), model('b')], hasSlotsPerModel: true, slots: 8 }
    const { desk } = makeDesk(said)
    const usage = { prompt_tokens: 0, completion_tokens: 400 }
    const ended = { header: { stream: true }, state: 'ended', usage, ttftMs: 50 } as const
    const after = (running: number): number => {
      for (let now = 0; now <= 20_000; now += 250) {
        desk.finished({ ...ended, startedAt: now, endedAt: now + 1_000 })
        desk.tick(now, { running, written: 0 })
      }
      return desk.slotsPerModel
    }
    expect([after(4), after(8)]).toEqual([4, 8])
  })

  it('tells how full the cache is: the engine’s own word first', () => {
    const { desk, engine } = makeDesk({}, 4)
    expect(desk.kvUse(jobs)).toBeUndefined()
    engine.cacheTokens = 1_600
    expect(desk.report(jobs).kv_use).toBe(0.25)
    engine.load = { others: 0, waiting: 0, kvUse: 0.123 }
    expect(desk.report(jobs).kv_use).toBe(0.12)
  })

  it('says that what was cached is gone when a model goes, not when one comes', () => {
    const { desk, engine } = makeDesk({ models: [model('a')] }, 4)
    desk.modelsChanged(2_000)
    engine.models = [model('a'), model('b')]
    desk.modelsChanged(3_000)
    expect(desk.report().cache_since).toBe(1_000)
    engine.models = [model('b')]
    desk.modelsChanged(4_000)
    expect(desk.report().cache_since).toBe(4_000)
    desk.cacheLost(4_000)
    expect(desk.report().cache_since).toBe(4_001)
  })
})
