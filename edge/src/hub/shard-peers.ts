import type { SqlPort } from '../ports.ts'
import { MAX_KNOWN_PEERS } from './shard-limits.ts'
import type { ShardLogin } from './shard-snapshot.ts'

/** Share of all rows deleted when there are too many, so that it is seldom done. */
const PRUNED_SHARE = 1 / 64

/**
 * What the directory keeps on disk: the shards that have providers, and the shard where each key
 * logged in last. A key's row stays when the key has gone, so that nothing is written for that; when
 * there are more keys than all shards can hold, those that moved longest ago are forgotten.
 */
export class ShardPeers {
  readonly #sql: SqlPort
  readonly #maxPeers: number
  readonly #shards: Set<string>
  #peers: number

  constructor(sql: SqlPort, maxPeers = MAX_KNOWN_PEERS) {
    this.#sql = sql
    this.#maxPeers = maxPeers
    sql.exec('create table if not exists shard (name text primary key) without rowid')
    // With a rowid, which tells the age of a row.
    sql.exec(
      'create table if not exists peer (peer text primary key, shard text not null, at integer not null)',
    )
    this.#shards = new Set(sql.exec('select name from shard').map(({ name }) => String(name)))
    this.#peers = Number(sql.exec('select count(*) as count from peer')[0]?.['count'] ?? 0)
  }

  shards(): string[] {
    return [...this.#shards]
  }

  keep(shard: string): void {
    if (this.#shards.has(shard)) return
    this.#sql.run('insert or ignore into shard (name) values (?)', shard)
    this.#shards.add(shard)
  }

  forget(shard: string): void {
    if (!this.#shards.delete(shard)) return
    this.#sql.run('delete from shard where name = ?', shard)
  }

  /**
   * Notes where these keys are now. Returns who must let go of which logins, because the same key has
   * logged in to another shard later; reports may come in another order than the logins they tell of.
   */
  loggedIn(shard: string, logins: readonly ShardLogin[]): Map<string, ShardLogin[]> {
    const replaced = new Map<string, ShardLogin[]>()
    this.#sql.transactionSync(() => {
      for (const login of logins) {
        const loser = this.#loserOf(shard, login)
        if (loser === undefined) continue
        replaced.set(loser.shard, [...(replaced.get(loser.shard) ?? []), loser.login])
      }
      this.#prune()
    })
    return replaced
  }

  #loserOf(shard: string, login: ShardLogin): { shard: string; login: ShardLogin } | undefined {
    const { peer, at } = login
    const before = this.#find(peer)
    if (before !== undefined && before.shard !== shard && before.at > at) return { shard, login }
    if (before?.shard === shard && before.at >= at) return undefined
    if (before === undefined) this.#peers++
    // A replaced row gets a new rowid.
    const insert = 'insert or replace into peer (peer, shard, at) values (?, ?, ?)'
    this.#sql.run(insert, peer, shard, at)
    if (before === undefined || before.shard === shard) return undefined
    return { shard: before.shard, login: { peer, at: before.at } }
  }

  /** The shards where these keys logged in last, each once, in the keys' order. */
  locate(peers: readonly string[]): string[] {
    const shards = peers.map((peer) => this.#find(peer)?.shard)
    return [...new Set(shards.filter((shard) => shard !== undefined))]
  }

  #find(peer: string): { shard: string; at: number } | undefined {
    const [row] = this.#sql.exec('select shard, at from peer where peer = ?', peer)
    return row && { shard: String(row['shard']), at: Number(row['at']) }
  }

  #prune(): void {
    if (this.#peers <= this.#maxPeers) return
    this.#peers -= this.#sql.run(
      'delete from peer where rowid in (select rowid from peer order by rowid limit ?)',
      this.#peers - Math.floor(this.#maxPeers * (1 - PRUNED_SHARE)),
    )
  }
}
