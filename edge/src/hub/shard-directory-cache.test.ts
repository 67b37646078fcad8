import { describe, expect, it } from 'vitest'
import { DIRECTORY_TTL_MS } from '../limits.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { shardOf } from '../testing/shards.ts'
import { DirectoryCache } from './shard-directory-cache.ts'
import { DIRECTORY_MAX_STALE_MS, REFRESH_TIMEOUT_MS } from './shard-limits.ts'
import { ShardRegistry } from './shard-registry.ts'

function cached() {
  const clock = new ManualClock()
  const registry = new ShardRegistry('life')
  registry.put(shardOf('hub:weur:0', ['a']), 0)
  const state = { loads: 0, isDown: false, hangs: false, errors: 0 }
  const background: Promise<void>[] = []
  const cache = new DirectoryCache({
    load: async (since) => {
      state.loads++
      if (state.isDown) throw new Error('down')
      if (state.hangs) await new Promise(() => {})
      return registry.update(since)
    },
    background: (call) => background.push(call),
    now: clock.now,
    onError: () => state.errors++,
  })
  const models = async (): Promise<string[]> =>
    (await cache.current()).directory().models.map(({ id }) => id)
  return { clock, registry, state, background, cache, models }
}

describe('a process’s copy of the directory', () => {
  it('is awaited once, and then used for a second without a question', async () => {
    const { clock, state, cache, models } = cached()
    expect(await models()).toEqual(['a'])
    clock.advance(DIRECTORY_TTL_MS - 1)
    expect(cache.current()).not.toBeInstanceOf(Promise)
    expect(state.loads).toBe(1)
  })

  it('is used at once while it is refreshed, by one request at a time', async () => {
    const { clock, state, registry, background, cache, models } = cached()
    await models()
    registry.put(shardOf('hub:apac:0', ['b']), 1)
    clock.advance(DIRECTORY_TTL_MS)
    for (let i = 0; i < 3; i++) expect(cache.current()).not.toBeInstanceOf(Promise)
    expect(state.loads).toBe(2)
    await Promise.all(background)
    expect(await models()).toEqual(['a', 'b'])
  })

  it('is awaited after a long pause', async () => {
    const { clock, registry, models } = cached()
    await models()
    registry.put(shardOf('hub:apac:0', ['b']), 1)
    clock.advance(DIRECTORY_MAX_STALE_MS)
    expect(await models()).toEqual(['a', 'b'])
  })

  it('serves on, however old, while the directory cannot be reached, and nobody waits for it twice', async () => {
    const { clock, state, background, cache, models } = cached()
    await models()
    state.isDown = true
    clock.advance(3_600_000)
    expect(await models()).toEqual(['a'])
    expect(cache.current()).not.toBeInstanceOf(Promise)
    clock.advance(DIRECTORY_TTL_MS)
    expect(cache.current()).not.toBeInstanceOf(Promise)
    await Promise.all(background)
    expect(state).toMatchObject({ loads: 3, errors: 2 })
    state.isDown = false
    clock.advance(DIRECTORY_TTL_MS)
    await models()
    await Promise.all(background)
    expect(state).toMatchObject({ loads: 4, errors: 2 })
  })

  it('has nothing to give before the directory was reached once', async () => {
    const { state, models } = cached()
    state.isDown = true
    await expect(models()).rejects.toThrow('down')
    await expect(models()).rejects.toThrow('down')
    state.isDown = false
    expect(await models()).toEqual(['a'])
  })

  it('refreshes again when a refresh has died with its request', async () => {
    const { clock, state, background, cache, models } = cached()
    await models()
    state.hangs = true
    clock.advance(DIRECTORY_TTL_MS)
    cache.current()
    clock.advance(REFRESH_TIMEOUT_MS - 1)
    expect(cache.current()).not.toBeInstanceOf(Promise)
    expect(state.loads).toBe(2)
    state.hangs = false
    clock.advance(1)
    expect(cache.current()).not.toBeInstanceOf(Promise)
    expect(state.loads).toBe(3)
    await background[1]
    expect(cache.current()).not.toBeInstanceOf(Promise)
  })
})
