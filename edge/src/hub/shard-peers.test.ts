import type { PeerId } from '@infernet/schemas/peer-id'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NodeSql } from '../hosts/node/node-sql.ts'
import { ShardPeers } from './shard-peers.ts'
import type { ShardLogin } from './shard-snapshot.ts'

const shards = ['hub:weur:0', 'hub:weur:1', 'hub:apac:0']
const peers = ['p1', 'p2'] as PeerId[]
const logins = fc.array(fc.record({ shard: fc.nat({ max: 2 }), peer: fc.nat({ max: 1 }) }), {
  maxLength: 12,
})
const login = (peer: string, at: number): ShardLogin => ({ peer: peer as PeerId, at })

describe('where each key is logged in', () => {
  it('leaves a key only its latest login, in whatever order the shards report', () => {
    fc.assert(
      fc.property(logins, fc.infiniteStream(fc.nat()), (all, order) => {
        const directory = new ShardPeers(new NodeSql(':memory:'))
        const live = new Map(shards.map((shard) => [shard, new Map<string, number>()]))
        const unreported = all.map(({ shard, peer }, index) => ({
          shard: shards[shard] ?? '',
          login: login(peers[peer] ?? '', index + 1),
        }))
        for (const { shard, login: one } of unreported) live.get(shard)?.set(one.peer, one.at)
        const latest = new Map(unreported.map((one) => [one.login.peer, one.shard]))
        while (unreported.length > 0) {
          const index = (order.next().value ?? 0) % unreported.length
          const [next] = unreported.splice(index, 1)
          if (next === undefined) break
          for (const [shard, replaced] of directory.loggedIn(next.shard, [next.login])) {
            for (const { peer, at } of replaced) {
              // As a hub does: a login that is newer than the one meant stays.
              if ((live.get(shard)?.get(peer) ?? Infinity) <= at) live.get(shard)?.delete(peer)
            }
          }
        }
        for (const [peer, shard] of latest) {
          expect(shards.filter((one) => live.get(one)?.has(peer))).toEqual([shard])
          expect(directory.locate([peer])).toEqual([shard])
        }
      }),
    )
  })

  it('says who must let go of a key, once', () => {
    const directory = new ShardPeers(new NodeSql(':memory:'))
    expect(directory.loggedIn('hub:weur:0', [login('p', 1)]).size).toBe(0)
    expect(directory.loggedIn('hub:apac:0', [login('p', 2)])).toEqual(
      new Map([['hub:weur:0', [login('p', 1)]]]),
    )
    expect(directory.loggedIn('hub:apac:0', [login('p', 2)]).size).toBe(0)
    expect(directory.locate(['p', 'nobody', 'p'])).toEqual(['hub:apac:0'])
  })

  it('forgets the keys that moved longest ago when there are too many', () => {
    const directory = new ShardPeers(new NodeSql(':memory:'), 64)
    for (let i = 0; i < 64; i++) directory.loggedIn('hub:weur:0', [login(`p${i}`, 1)])
    directory.loggedIn('hub:weur:0', [login('p0', 2)])
    directory.loggedIn('hub:weur:0', [login('new', 1)])
    expect(directory.locate(['new'])).toHaveLength(1)
    expect(directory.locate(['p0'])).toHaveLength(1)
    expect(directory.locate(['p1'])).toEqual([])
    expect(directory.locate(['p2'])).toEqual([])
    expect(directory.locate(['p3'])).toHaveLength(1)
  })

  it('knows shards and keys in its next life', () => {
    const sql = new NodeSql(':memory:')
    const before = new ShardPeers(sql)
    before.keep('hub:weur:0')
    before.keep('hub:apac:0')
    before.forget('hub:apac:0')
    before.loggedIn('hub:weur:0', [login('p', 1)])
    const after = new ShardPeers(sql)
    expect(after.shards()).toEqual(['hub:weur:0'])
    expect(after.locate(['p'])).toEqual(['hub:weur:0'])
  })
})
