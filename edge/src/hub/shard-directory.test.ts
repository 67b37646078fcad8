import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { servedModel, shardOf } from '../testing/shards.ts'
import { ShardDirectory } from './shard-directory.ts'
import { nearestRegions, REGIONS, regionOfShard, shardName } from './shard-region.ts'
import type { ShardSnapshot } from './shard-snapshot.ts'

function directoryWith(...changed: ShardSnapshot[]): ShardDirectory {
  const directory = new ShardDirectory()
  const version = { epoch: 'life', count: 1 }
  directory.apply({ version, shards: changed.map(({ shard }) => shard), changed })
  return directory
}

/** Shards with one model, at most one per region and index. */
const shards = fc.uniqueArray(
  fc
    .tuple(fc.constantFrom(...REGIONS), fc.nat({ max: 2 }), fc.nat({ max: 4 }), fc.boolean())
    .map(([region, index, free, serves]) =>
      shardOf(shardName(region, index), serves ? ['m'] : ['other'], { free }),
    ),
  { selector: ({ shard }) => shard, maxLength: 12 },
)
const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const chosen = (directory: ShardDirectory, random: () => number): string | undefined =>
  directory.choose({ model: 'm', region: 'weur', random, allows: () => true })

describe('the choice of a shard', () => {
  it('takes the nearest region with a free slot, else the nearest that serves the model', () => {
    fc.assert(
      fc.property(shards, fc.constantFrom(...REGIONS), draw, fc.nat(), (all, region, r, skip) => {
        const excluded = all[skip % Math.max(1, all.length)]?.shard
        const chosen = directoryWith(...all).choose({
          model: 'm',
          region,
          random: () => r,
          allows: (shard) => shard !== excluded,
        })
        const serving = all.filter(({ offers, shard }) => offers === 'm' && shard !== excluded)
        const free = serving.filter(({ freeSlots }) => (freeSlots[0] ?? 0) > 0)
        const best = nearestRegions(region).find((near) =>
          (free.length > 0 ? free : serving).some((shard) => shard.region === near),
        )
        if (best === undefined) expect(chosen).toBeUndefined()
        else {
          expect(regionOfShard(chosen ?? '')).toBe(best)
          expect((free.length > 0 ? free : serving).map(({ shard }) => shard)).toContain(chosen)
        }
      }),
    )
  })

  it('of two that are drawn prefers the one with the larger free share', () => {
    const directory = directoryWith(
      shardOf('hub:weur:0', ['m'], { free: 3, slotsEach: 10 }),
      shardOf('hub:weur:1', ['m'], { free: 3, slotsEach: 4 }),
    )
    const draws = [0.1, 0.9]
    expect(chosen(directory, () => draws.shift() ?? 0)).toBe('hub:weur:1')
  })

  it('draws a shard as often as it has free slots', () => {
    const directory = directoryWith(
      shardOf('hub:weur:0', ['m'], { free: 1, slotsEach: 1 }),
      shardOf('hub:weur:1', ['m'], { free: 99, slotsEach: 99 }),
    )
    const steps = 100
    let small = 0
    for (let first = 0; first < steps; first++) {
      for (let second = 0; second < steps; second++) {
        const draws = [first / steps, second / steps]
        const taken = chosen(directory, () => draws.shift() ?? 0)
        if (taken === 'hub:weur:0') small++
      }
    }
    // Both shares are 1, so the first drawn wins: one in a hundred.
    expect(small / steps ** 2).toBeCloseTo(0.01, 5)
  })

  it('follows the load without new models', () => {
    const directory = directoryWith(
      shardOf('hub:weur:0', ['m'], { free: 1 }),
      shardOf('hub:apac:0', ['m'], { free: 1 }),
    )
    expect(chosen(directory, () => 0)).toBe('hub:weur:0')
    const load = { at: 2, slots: [4], freeSlots: [0], jobsInFlight: 4, providers: 1 }
    directory.apply({
      version: { epoch: 'life', count: 2 },
      shards: ['hub:weur:0', 'hub:apac:0'],
      changed: [{ shard: 'hub:weur:0', ...load }],
    })
    expect(chosen(directory, () => 0)).toBe('hub:apac:0')
  })
})

describe('the merged directory', () => {
  it('shows a model once, with what its shards offer together', () => {
    const near = servedModel('m', {
      contextLength: 100,
      minPrice: { prompt: 1, completion: 9 },
      maxPrice: { prompt: 5, completion: 9 },
      providers: 2,
      since: 7,
      capabilities: ['tools'],
      quantizations: ['fp8'],
    })
    const far = servedModel('m', {
      contextLength: 200,
      minPrice: { prompt: 2, completion: 3 },
      maxPrice: { prompt: 2, completion: 30 },
      providers: 3,
      since: 5,
      capabilities: ['tools', 'seed'],
      endpoints: ['completions'],
      quantizations: ['fp8', 'q4'],
    })
    const directory = directoryWith(
      shardOf('hub:weur:0', ['m'], { models: [near] }),
      shardOf('hub:apac:0', ['m', 'x'], { models: [far, servedModel('x')] }),
    )
    expect(directory.directory().models).toEqual([
      {
        id: 'm',
        contextLength: 200,
        minPrice: { prompt: 1, completion: 3 },
        maxPrice: { prompt: 5, completion: 30 },
        providers: 5,
        since: 5,
        capabilities: ['tools', 'seed'],
        endpoints: ['chat.completions', 'completions'],
        quantizations: ['fp8', 'q4'],
      },
      servedModel('x'),
    ])
  })

  it('is not changed by an answer that was overtaken', () => {
    const directory = directoryWith(shardOf('hub:weur:0', ['m']))
    directory.apply({ version: { epoch: 'life', count: 0 }, shards: [], changed: [] })
    expect(directory.directory().models).toHaveLength(1)
  })

  it('is made once per change', () => {
    const directory = directoryWith(shardOf('hub:weur:0', ['m']))
    expect(directory.directory()).toBe(directory.directory())
  })
})
