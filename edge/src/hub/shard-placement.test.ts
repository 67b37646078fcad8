import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_JOBS, MAX_PROVIDERS } from '../limits.ts'
import { shardOf } from '../testing/shards.ts'
import { MAX_SHARDS_PER_REGION } from './shard-limits.ts'
import { placeProvider } from './shard-placement.ts'
import { regionOfShard, shardName } from './shard-region.ts'
import type { ShardSnapshot } from './shard-snapshot.ts'

const half = MAX_PROVIDERS / 2
const withProviders = (index: number, providers: number): ShardSnapshot =>
  shardOf(shardName('weur', index), ['m'], { providers })

describe('where a provider goes', () => {
  it('stays in its region, whatever there is', () => {
    const loads = fc.array(fc.tuple(fc.nat({ max: 15 }), fc.nat({ max: MAX_PROVIDERS })))
    fc.assert(
      fc.property(loads, fc.nat({ max: 99 }), (all, percent) => {
        const shards = all.map(([index, providers]) => withProviders(index, providers))
        const placed = placeProvider(shards, 'weur', () => percent / 100)
        expect(regionOfShard(placed)).toBe('weur')
      }),
    )
  })

  it('starts with the first shard of a region', () => {
    expect(placeProvider([], 'sam', () => 0.99)).toBe('hub:sam:0')
    expect(placeProvider([shardOf('hub:weur:0', ['m'])], 'sam', () => 0)).toBe('hub:sam:0')
  })

  it('opens the next when all are half full of providers, or of jobs', () => {
    expect(placeProvider([withProviders(0, half - 1)], 'weur', () => 0)).toBe('hub:weur:0')
    expect(placeProvider([withProviders(0, half)], 'weur', () => 0)).toBe('hub:weur:1')
    const busy = shardOf('hub:weur:0', ['m'], { jobsInFlight: MAX_JOBS / 2 })
    expect(placeProvider([busy], 'weur', () => 0)).toBe('hub:weur:1')
    expect(placeProvider([withProviders(0, half), withProviders(2, half)], 'weur', () => 0)).toBe(
      'hub:weur:1',
    )
  })

  it('takes the emptier of two that are drawn, and none that is half full while others are not', () => {
    const shards = [withProviders(0, half), withProviders(1, 20), withProviders(2, 10)]
    const draws = [0, 0.99]
    expect(placeProvider(shards, 'weur', () => draws.shift() ?? 0)).toBe('hub:weur:2')
    expect(placeProvider(shards, 'weur', () => 0)).toBe('hub:weur:1')
  })

  it('opens no more than there may be', () => {
    const all = Array.from({ length: MAX_SHARDS_PER_REGION }, (_, index) =>
      withProviders(index, MAX_PROVIDERS),
    )
    expect(placeProvider(all, 'weur', () => 0.5)).toBe('hub:weur:8')
  })
})
