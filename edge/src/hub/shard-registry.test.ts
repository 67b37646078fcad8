import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_KNOWN_MODELS } from '../limits.ts'
import { shardOf } from '../testing/shards.ts'
import { ShardDirectory } from './shard-directory.ts'
import { SHARD_KEPT_MS, SHARD_PROBE_AFTER_MS } from './shard-limits.ts'
import { ShardRegistry } from './shard-registry.ts'

const names = ['hub:weur:0', 'hub:weur:1', 'hub:apac:0', 'hub:enam:0']
const models = ['a', 'b', 'c']

/** Something that happens to the registry, or a reader that asks for news. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('put' as const),
    shard: fc.constantFrom(...names),
    models: fc.subarray(models),
    free: fc.nat({ max: 4 }),
    providers: fc.nat({ max: 3 }),
  }),
  fc.record({ kind: fc.constant('drop' as const), shard: fc.constantFrom(...names) }),
  fc.record({ kind: fc.constant('read' as const), reader: fc.nat({ max: 1 }) }),
)

describe('the registry of shards', () => {
  it('tells each reader only what changed, and all readers end with the same', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat({ max: 12 }), (steps, most) => {
        const registry = new ShardRegistry('life', most)
        const readers = [new ShardDirectory(), new ShardDirectory()]
        let at = 0
        for (const one of steps) {
          at++
          if (one.kind === 'drop') registry.drop(one.shard)
          else if (one.kind === 'put') {
            const { shard, free, providers } = one
            registry.put(shardOf(shard, one.models, { at, free, providers }), at)
          } else {
            const reader = readers[one.reader]
            reader?.apply(registry.update(reader.version))
          }
        }
        const newcomer = new ShardDirectory()
        for (const reader of [...readers, newcomer]) {
          // A small answer brings at least one shard's models.
          for (const _ of names) reader.apply(registry.update(reader.version))
        }
        for (const reader of readers) {
          expect(byName(reader)).toEqual(byName(newcomer))
          expect(reader.directory().models.toSorted(byId)).toEqual(
            newcomer.directory().models.toSorted(byId),
          )
          expect(new Set(reader.directory().offline)).toEqual(new Set(newcomer.directory().offline))
        }
      }),
    )
  })

  it('sends no models when only the load has changed', () => {
    const registry = new ShardRegistry('life')
    registry.put(shardOf('hub:weur:0', ['a']), 1)
    const { version } = registry.update()
    registry.put(shardOf('hub:weur:0', ['a'], { at: 2_000, free: 1 }), 2)
    const { changed, known } = registry.update(version)
    expect(changed).toHaveLength(1)
    expect(changed[0]).not.toHaveProperty('models')
    expect(changed[0]?.freeSlots).toEqual([1])
    expect(known).toBeUndefined()
    expect(registry.update(registry.update().version).changed).toEqual([])
  })

  it('tells of as many models as fit, and of the others when it is asked again', () => {
    const registry = new ShardRegistry('life', 2)
    for (const shard of names) registry.put(shardOf(shard, ['a']), 1)
    registry.put(shardOf('hub:weur:1', ['a'], { at: 2_000, free: 1 }), 2)
    const reader = new ShardDirectory()
    const told: number[] = []
    for (let reads = 0; reads < 3; reads++) {
      const update = registry.update(reader.version)
      told.push(update.changed.filter((change) => 'models' in change).length)
      reader.apply(update)
    }
    expect(told).toEqual([2, 2, 0])
    expect(byName(reader).map(({ shard }) => shard)).toEqual(names.toSorted())
    expect(byName(reader).find(({ shard }) => shard === 'hub:weur:1')?.freeSlots).toEqual([1])
  })

  it('starts a reader of another life from the beginning', () => {
    const reader = new ShardDirectory()
    const before = new ShardRegistry('before')
    before.put(shardOf('hub:weur:0', ['a']), 1)
    before.put(shardOf('hub:apac:0', ['b']), 1)
    reader.apply(before.update())
    const after = new ShardRegistry('after')
    after.put(shardOf('hub:apac:0', ['c']), 1)
    reader.apply(after.update(reader.version))
    expect(byName(reader).map(({ shard }) => shard)).toEqual(['hub:apac:0'])
    expect(reader.directory().models.map(({ id }) => id)).toEqual(['c'])
  })

  it('ignores what a shard said earlier, and names that are no shards', () => {
    const registry = new ShardRegistry('life')
    registry.put(shardOf('hub:weur:0', ['a'], { at: 2_000 }), 1)
    registry.put(shardOf('hub:weur:0', ['b'], { at: 1_999 }), 2)
    registry.put({ ...shardOf('hub:weur:0', ['c']), shard: 'hub:weur:100' }, 3)
    registry.put({ ...shardOf('hub:weur:0', ['c'], { at: 3_000 }), region: 'apac' }, 3)
    expect(registry.update().changed).toMatchObject([{ shard: 'hub:weur:0', offers: 'a' }])
  })

  it('asks after a silent shard, and in the end takes it out', () => {
    const registry = new ShardRegistry('life')
    registry.put(shardOf('hub:weur:0', ['a']), 0)
    registry.put(shardOf('hub:apac:0', ['b']), SHARD_PROBE_AFTER_MS)
    expect(registry.silent(SHARD_PROBE_AFTER_MS)).toEqual([])
    expect(registry.silent(SHARD_PROBE_AFTER_MS + 1)).toEqual(['hub:weur:0'])
    expect(registry.update().shards).toHaveLength(2)
    expect(registry.silent(SHARD_KEPT_MS + 1)).toEqual(['hub:apac:0'])
    expect(registry.update().shards).toEqual(['hub:apac:0'])
    const reader = new ShardDirectory()
    reader.apply(registry.update())
    expect(reader.directory().offline).toEqual(['a'])
  })

  it('remembers a bounded number of models', () => {
    const registry = new ShardRegistry('life')
    registry.remember(Array.from({ length: MAX_KNOWN_MODELS + 5 }, (_, index) => `m${index}`))
    expect(registry.update().known).toHaveLength(MAX_KNOWN_MODELS)
    expect(registry.update().known?.at(-1)).toBe(`m${MAX_KNOWN_MODELS + 4}`)
  })
})

const byName = (directory: ShardDirectory) =>
  [...directory.shards].toSorted((a, b) => a.shard.localeCompare(b.shard))
const byId = (a: { id: string }, b: { id: string }): number => a.id.localeCompare(b.id)
