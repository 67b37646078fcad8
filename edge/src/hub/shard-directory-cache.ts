import { DIRECTORY_TTL_MS } from '../limits.ts'
import { ShardDirectory } from './shard-directory.ts'
import { inTime } from './in-time.ts'
import { DIRECTORY_MAX_STALE_MS, REFRESH_TIMEOUT_MS } from './shard-limits.ts'
import type { DirectoryUpdate, DirectoryVersion } from './shard-snapshot.ts'

export interface DirectoryCacheOptions {
  readonly load: (since: DirectoryVersion | undefined) => Promise<DirectoryUpdate>
  /** Lets a call end after the request that made it; on Workers it is stopped otherwise. */
  readonly background: (call: Promise<void>) => void
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/**
 * One process's copy of the directory. A request gets what is there, and when that is more than a
 * second old, the request's process asks for news meanwhile; only the first request, or one after a
 * long pause, waits. While the directory cannot be reached the copy is used, however old: the hubs
 * themselves know what is true, and a job that one of them cannot take goes to the next.
 *
 * The value is shared between requests, never the promise: in a Worker no request may wait for I/O
 * that another one started.
 */
export class DirectoryCache {
  readonly #options: DirectoryCacheOptions
  readonly #directory = new ShardDirectory()
  #loadedAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  /** A background refresh is under way, unless its request died with it. */
  #refreshing = false
  /** The last attempt failed: nobody waits for another. */
  #failing = false

  constructor(options: DirectoryCacheOptions) {
    this.#options = options
  }

  /** Rejects when there is no copy at all and the directory cannot be reached. */
  current(): ShardDirectory | Promise<ShardDirectory> {
    const now = this.#options.now()
    const age = now - this.#loadedAt
    if (age < DIRECTORY_TTL_MS) return this.#directory
    if (this.#isEmpty || (age >= DIRECTORY_MAX_STALE_MS && !this.#failing)) return this.#awaited()
    const patience = this.#refreshing ? REFRESH_TIMEOUT_MS : DIRECTORY_TTL_MS
    if (now - this.#triedAt >= patience) this.#options.background(this.#refreshed())
    return this.#directory
  }

  get #isEmpty(): boolean {
    return this.#directory.version === undefined
  }

  async #awaited(): Promise<ShardDirectory> {
    try {
      await this.#load()
    } catch (error) {
      if (this.#isEmpty) throw error
      this.#options.onError(error)
    }
    return this.#directory
  }

  async #refreshed(): Promise<void> {
    this.#refreshing = true
    try {
      await this.#load()
    } catch (error) {
      this.#options.onError(error)
    } finally {
      this.#refreshing = false
    }
  }

  async #load(): Promise<void> {
    const { load, now } = this.#options
    const askedAt = now()
    this.#triedAt = askedAt
    this.#failing = true
    this.#directory.apply(await inTime(load(this.#directory.version), REFRESH_TIMEOUT_MS))
    this.#failing = false
    this.#loadedAt = Math.max(this.#loadedAt, askedAt)
  }
}
