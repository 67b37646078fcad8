import { DurableObject } from 'cloudflare:workers'
import { EdgeEvents } from '../../events.ts'
import { inTime } from '../../hub/in-time.ts'
import { KnownModels } from '../../hub/known-models.ts'
import { SHARD_PROBE_TIMEOUT_MS } from '../../hub/shard-limits.ts'
import { ShardPeers } from '../../hub/shard-peers.ts'
import { ShardRegistry } from '../../hub/shard-registry.ts'
import type {
  DirectoryUpdate,
  DirectoryVersion,
  ShardLogin,
  ShardSnapshot,
} from '../../hub/shard-snapshot.ts'
import { hubOf, storeOf, type WorkerEnv } from './env.ts'
import { objectSql } from './object-sql.ts'
import { workerLog } from './worker-log.ts'

/**
 * The directory of all hub shards: hubs report here, Workers read from here. What the shards do now is
 * in memory, because the shards know it better; which shards there are, and where each key logged in
 * last, is on disk. It has no timer and no alarm: what it does, a report or a read makes it do.
 */
export class DirectoryObject extends DurableObject<WorkerEnv> {
  readonly #registry = new ShardRegistry(crypto.randomUUID())
  readonly #peers: ShardPeers
  readonly #events = new EdgeEvents(workerLog)
  readonly #known: KnownModels
  /** A life begins with asking all shards that the last one knew. */
  readonly #ready: Promise<unknown>
  readonly #asking = new Set<string>()

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env)
    this.#peers = new ShardPeers(objectSql(ctx.storage))
    this.#ready = Promise.all(this.#peers.shards().map((shard) => this.#ask(shard)))
    const store = storeOf(env)
    this.#known = new KnownModels({
      load: () => store.knownModels(),
      take: (models) => this.#registry.remember(models),
      now: Date.now,
      onError: (error) => this.#events.storeFailed('knownModels', error),
    })
    ctx.waitUntil(this.#known.ask())
  }

  /** A shard tells how it is doing, and which providers have logged in there. */
  report(snapshot: ShardSnapshot, logins: readonly ShardLogin[]): void {
    this.#take(snapshot)
    for (const [shard, replaced] of this.#peers.loggedIn(snapshot.shard, logins)) {
      this.ctx.waitUntil(this.#replaced(shard, replaced))
    }
  }

  /** What has changed since the reader's version. */
  async read(since: DirectoryVersion | undefined): Promise<DirectoryUpdate> {
    await this.#ready
    this.ctx.waitUntil(this.#known.ask())
    for (const shard of this.#registry.silent(Date.now())) this.ctx.waitUntil(this.#ask(shard))
    return this.#registry.update(since)
  }

  /** The shards where these keys logged in last. */
  locate(peers: readonly string[]): string[] {
    return this.#peers.locate(peers)
  }

  #take(snapshot: ShardSnapshot): void {
    this.#registry.put(snapshot, Date.now())
    if (snapshot.providers === 0) this.#peers.forget(snapshot.shard)
    else this.#peers.keep(snapshot.shard)
  }

  /** Asks a shard for a word; without an answer it stays as it is, until it has been silent for too long. */
  async #ask(shard: string): Promise<void> {
    if (this.#asking.has(shard)) return
    this.#asking.add(shard)
    try {
      this.#take(await inTime(hubOf(this.env, shard).snapshot(), SHARD_PROBE_TIMEOUT_MS))
    } catch (error) {
      this.#events.shardFailed(shard, error)
    } finally {
      this.#asking.delete(shard)
    }
  }

  /** The newer login wins: the shard with the older one lets go of it. */
  async #replaced(shard: string, logins: readonly ShardLogin[]): Promise<void> {
    try {
      await hubOf(this.env, shard).replaced(logins)
    } catch (error) {
      this.#events.shardFailed(shard, error)
    }
  }
}
