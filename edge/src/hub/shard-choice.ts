import type { ShardDirectory } from './shard-directory.ts'
import { MAX_SHARD_ATTEMPTS } from './shard-limits.ts'
import type { Region } from './shard-region.ts'

/** The shards of providers that a client has named. */
export interface WantedShards {
  /** In the client's order. */
  readonly shards: readonly string[]
  readonly noOthers: boolean
}

/** Which shards one job goes to, one after the other. */
export class ShardChoice {
  readonly #directory: ShardDirectory
  readonly #model: string
  readonly #region: Region
  readonly #random: () => number
  readonly #wanted: WantedShards | undefined
  /** Shards that did not answer lately: asked when there is no other. */
  readonly #suspended: ReadonlySet<string>
  readonly #tried = new Set<string>()

  constructor(options: {
    directory: ShardDirectory
    model: string
    region: Region
    random: () => number
    wanted: WantedShards | undefined
    suspended: ReadonlySet<string>
  }) {
    this.#directory = options.directory
    this.#model = options.model
    this.#region = options.region
    this.#random = options.random
    this.#wanted = options.wanted
    this.#suspended = options.suspended
  }

  /** Takes this shard out of the choice. */
  try(shard: string): void {
    this.#tried.add(shard)
  }

  /**
   * The best shard that was not tried, at most {@link MAX_SHARD_ATTEMPTS} in all: first those with
   * providers that the client named, in its order. With `freeOnly`, none that has no free slot.
   */
  next(freeOnly: boolean): string | undefined {
    if (this.#tried.size >= MAX_SHARD_ATTEMPTS) return undefined
    const wanted = this.#wanted
    for (const one of wanted?.shards ?? []) {
      const shard = this.#choose((candidate) => candidate === one && this.#answers(one), freeOnly)
      if (shard !== undefined) return shard
    }
    if (wanted?.noOthers === true) {
      return this.#choose((shard) => wanted.shards.includes(shard), freeOnly)
    }
    return (
      this.#choose((shard) => this.#answers(shard), freeOnly) ?? this.#choose(() => true, freeOnly)
    )
  }

  #answers(shard: string): boolean {
    return !this.#suspended.has(shard)
  }

  #choose(allows: (shard: string) => boolean, freeOnly: boolean): string | undefined {
    return this.#directory.choose({
      model: this.#model,
      region: this.#region,
      random: this.#random,
      allows: (shard) => !this.#tried.has(shard) && allows(shard),
      freeOnly,
    })
  }
}
