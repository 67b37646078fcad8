import { forgetOldest } from '@infernet/settlement/forget-oldest'
import { MAX_KNOWN_MODELS } from '../limits.ts'
import { MAX_UPDATE_MODELS, SHARD_KEPT_MS, SHARD_PROBE_AFTER_MS } from './shard-limits.ts'
import { regionOfShard } from './shard-region.ts'
import {
  loadOfShard,
  type DirectoryUpdate,
  type DirectoryVersion,
  type ShardSnapshot,
} from './shard-snapshot.ts'

interface Entry {
  snapshot: ShardSnapshot
  /** ms since the epoch, by our clock. */
  heardAt: number
  /** The registry's count when its offers changed, and when anything did. */
  offersAt: number
  changedAt: number
}

/**
 * The one place where all shards are known. Its readers hold copies and ask for what has changed, so
 * that a read costs what has happened since and not what there is.
 */
export class ShardRegistry {
  readonly #epoch: string
  readonly #maxUpdateModels: number
  readonly #entries = new Map<string, Entry>()
  /** Models ever seen, the oldest first. */
  readonly #known = new Set<string>()
  #knownAt = 0
  #count = 0

  /** `epoch` is unique to this life of the registry. */
  constructor(epoch: string, maxUpdateModels = MAX_UPDATE_MODELS) {
    this.#epoch = epoch
    this.#maxUpdateModels = maxUpdateModels
  }

  /** Names of models known from an earlier life, so that they answer 503 and not 404. */
  remember(models: readonly string[]): void {
    for (const model of models) {
      if (this.#known.has(model)) continue
      this.#known.add(model)
      forgetOldest(this.#known, MAX_KNOWN_MODELS)
      this.#knownAt = ++this.#count
    }
  }

  /** Takes a shard's word for itself, unless it is older than what it said before. An empty shard leaves. */
  put(snapshot: ShardSnapshot, now: number): void {
    if (regionOfShard(snapshot.shard) !== snapshot.region) return
    const entry = this.#entries.get(snapshot.shard)
    if (entry !== undefined && snapshot.at < entry.snapshot.at) return
    this.remember(snapshot.models.map(({ id }) => id))
    if (snapshot.providers === 0) return this.drop(snapshot.shard)
    const changedAt = ++this.#count
    const sameOffers = entry?.snapshot.offers === snapshot.offers
    const offersAt = entry !== undefined && sameOffers ? entry.offersAt : changedAt
    this.#entries.set(snapshot.shard, { snapshot, heardAt: now, offersAt, changedAt })
  }

  drop(shard: string): void {
    if (this.#entries.delete(shard)) this.#count++
  }

  /** Takes out the shards that have been silent for too long; returns those to ask for a word. */
  silent(now: number): string[] {
    const asked: string[] = []
    for (const [shard, { heardAt }] of this.#entries) {
      if (now - heardAt > SHARD_KEPT_MS) this.drop(shard)
      else if (now - heardAt > SHARD_PROBE_AFTER_MS) asked.push(shard)
    }
    return asked
  }

  /**
   * What a reader with the state `since` does not know; everything for one without. An answer has a
   * size that fits any channel, so that there may be more: its version then says how far it goes.
   */
  update(since?: DirectoryVersion): DirectoryUpdate {
    const from = since?.epoch === this.#epoch ? since.count : -1
    const { offers, until } = this.#offersSince(from)
    const changed: DirectoryUpdate['changed'][number][] = offers
    for (const { snapshot, offersAt, changedAt } of this.#entries.values()) {
      if (offersAt <= from && changedAt > from) changed.push(loadOfShard(snapshot))
    }
    return {
      version: { epoch: this.#epoch, count: until },
      shards: [...this.#entries.keys()],
      changed,
      ...(this.#knownAt > from ? { known: [...this.#known] } : {}),
    }
  }

  /** The shards whose offers changed after `from`, the oldest change first, and what comes after them. */
  #offersSince(from: number): { offers: ShardSnapshot[]; until: number } {
    const entries = [...this.#entries.values()].filter(({ offersAt }) => offersAt > from)
    entries.sort((a, b) => a.offersAt - b.offersAt)
    const offers: ShardSnapshot[] = []
    let models = 0
    let until = from
    for (const { snapshot, offersAt } of entries) {
      models += snapshot.models.length
      if (models > this.#maxUpdateModels && offers.length > 0) return { offers, until }
      offers.push(snapshot)
      until = offersAt
    }
    return { offers, until: this.#count }
  }
}
