import { describe, expect, it } from 'vitest'
import { nearestRegions, REGIONS, regionOf, regionOfShard, shardName } from './shard-region.ts'

describe('regions', () => {
  it.each([
    [{ continent: 'NA', longitude: '-122.4' }, 'wnam'],
    [{ continent: 'NA', longitude: '-74' }, 'enam'],
    [{ continent: 'NA' }, 'enam'],
    [{ continent: 'SA', longitude: '-46' }, 'sam'],
    [{ continent: 'EU', longitude: '2.3' }, 'weur'],
    [{ continent: 'EU', longitude: '21' }, 'eeur'],
    [{ continent: 'EU', longitude: 'nowhere' }, 'weur'],
    [{ continent: 'AF' }, 'afr'],
    [{ continent: 'AS', country: 'JP' }, 'apac'],
    [{ continent: 'AS', country: 'AE' }, 'me'],
    [{ continent: 'OC' }, 'oc'],
    [{ continent: 'AN' }, 'oc'],
    [{ continent: '??' }, 'enam'],
    [{}, 'enam'],
    [undefined, 'enam'],
  ])('puts %j in %s', (origin, region) => {
    expect(regionOf(origin)).toBe(region)
  })

  it('has all regions in the order of their distance, itself first', () => {
    for (const region of REGIONS) {
      expect(nearestRegions(region)[0]).toBe(region)
      expect(nearestRegions(region).toSorted()).toEqual(REGIONS.toSorted())
    }
    expect(nearestRegions('weur').slice(0, 2)).toEqual(['weur', 'eeur'])
    expect(nearestRegions('sam')[1]).toBe('enam')
    expect(nearestRegions('oc')[1]).toBe('apac')
  })

  it('reads the region out of a shard’s name, and out of nothing else', () => {
    for (const region of REGIONS) expect(regionOfShard(shardName(region, 15))).toBe(region)
    for (const name of ['', 'hub:0', 'hub:mars:0', 'hub:weur:', 'hub:weur:01', 'hub:weur:0 ']) {
      expect(regionOfShard(name)).toBeUndefined()
    }
  })
})
