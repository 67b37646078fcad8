import { describe, expect, it } from 'vitest'
import { KNOWN_MODELS_RETRY_MS } from '../limits.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import { KnownModels } from './known-models.ts'

function start() {
  const clock = new ManualClock()
  const store = new MemoryStore()
  store.known = ['a', 'b']
  const taken: (readonly string[])[] = []
  const errors: unknown[] = []
  let asked = 0
  const known = new KnownModels({
    load: () => {
      asked++
      return store.knownModels()
    },
    take: (models) => taken.push(models),
    now: clock.now,
    onError: (error) => errors.push(error),
  })
  return { clock, store, taken, errors, known, asked: () => asked }
}

describe('KnownModels', () => {
  it('asks Postgres once', async () => {
    const { known, taken, asked } = start()
    await Promise.all([known.ask(), known.ask()])
    await known.ask()
    expect(taken).toEqual([['a', 'b']])
    expect(asked()).toBe(1)
  })

  it('asks again when Postgres was down, but not at once', async () => {
    const { clock, store, known, taken, errors, asked } = start()
    store.down = true
    await known.ask()
    store.down = false
    clock.advance(KNOWN_MODELS_RETRY_MS - 1)
    await known.ask()
    expect([asked(), errors.length, taken.length]).toEqual([1, 1, 0])
    clock.advance(1)
    await known.ask()
    expect(taken).toEqual([['a', 'b']])
    expect(errors).toHaveLength(1)
  })
})
