import type { Directory } from '../ports.ts'
import { mergeModels } from './shard-models.ts'
import { nearestRegions, type Region } from './shard-region.ts'
import type { DirectoryUpdate, DirectoryVersion, ShardSnapshot } from './shard-snapshot.ts'

/** A shard that serves one model, at `index` of its lists. */
class Place {
  readonly shard: string
  readonly #snapshots: ReadonlyMap<string, ShardSnapshot>
  readonly #index: number

  constructor(shard: string, snapshots: ReadonlyMap<string, ShardSnapshot>, index: number) {
    this.shard = shard
    this.#snapshots = snapshots
    this.#index = index
  }

  get slots(): number {
    return this.#snapshots.get(this.shard)?.slots[this.#index] ?? 0
  }
  get free(): number {
    return this.#snapshots.get(this.shard)?.freeSlots[this.#index] ?? 0
  }
}

/** What a job asks of the directory. */
export interface ShardQuery {
  readonly model: string
  /** Where the job comes from. */
  readonly region: Region
  /** Numbers in [0, 1). */
  readonly random: () => number
  readonly allows: (shard: string) => boolean
  /** None without a free slot. */
  readonly freeOnly?: boolean
}

/** A reader's copy of the {@link ShardRegistry}: which shards there are, and which is best for a job. */
export class ShardDirectory {
  readonly #snapshots = new Map<string, ShardSnapshot>()
  #known: readonly string[] = []
  #version: DirectoryVersion | undefined
  #places: Map<string, Map<Region, Place[]>> | undefined
  #directory: Directory | undefined

  /** What this copy already knows: say it when asking for more. */
  get version(): DirectoryVersion | undefined {
    return this.#version
  }

  get shards(): Iterable<ShardSnapshot> {
    return this.#snapshots.values()
  }

  /** Takes what has changed. An answer that was overtaken by a later one is ignored. */
  apply(update: DirectoryUpdate): void {
    const { version } = update
    const sameLife = version.epoch === this.#version?.epoch
    if (sameLife && version.count < (this.#version?.count ?? 0)) return
    this.#version = version
    const named = new Set(update.shards)
    for (const shard of this.#snapshots.keys()) {
      if (named.has(shard)) continue
      this.#snapshots.delete(shard)
      this.#offersChanged()
    }
    for (const change of update.changed) {
      if ('models' in change) {
        this.#snapshots.set(change.shard, change)
        this.#offersChanged()
        continue
      }
      const known = this.#snapshots.get(change.shard)
      if (known !== undefined) this.#snapshots.set(change.shard, { ...known, ...change })
    }
    if (update.known !== undefined) {
      this.#known = update.known
      this.#directory = undefined
    }
  }

  #offersChanged(): void {
    this.#places = undefined
    this.#directory = undefined
  }

  /** What all shards serve together; made once per change of that. */
  directory(): Directory {
    if (this.#directory === undefined) {
      const models = mergeModels([...this.#snapshots.values()].map((snapshot) => snapshot.models))
      const served = new Set(models.map(({ id }) => id))
      this.#directory = { models, offline: this.#known.filter((model) => !served.has(model)) }
    }
    return this.#directory
  }

  /** The shards that serve this model, in no order. */
  serving(model: string): string[] {
    this.#places ??= this.#indexed()
    const regions = [...(this.#places.get(model)?.values() ?? [])]
    return regions.flatMap((places) => places.map(({ shard }) => shard))
  }

  /**
   * The shard to send a job to: in the nearest region where the model has a free slot, else (unless
   * `freeOnly`) in the nearest that has it at all. Undefined when no shard that `allows` names serves
   * the model.
   */
  choose({ model, region, random, allows, freeOnly = false }: ShardQuery): string | undefined {
    this.#places ??= this.#indexed()
    const regions = this.#places.get(model)
    if (regions === undefined) return undefined
    let full: Place[] | undefined
    for (const near of nearestRegions(region)) {
      const places = regions.get(near)?.filter(({ shard }) => allows(shard)) ?? []
      if (places.length === 0) continue
      const free = places.filter((place) => place.free > 0)
      if (free.length > 0) return chooseShard(free, (place) => place.free, random).shard
      full ??= places
    }
    if (full === undefined || freeOnly) return undefined
    return chooseShard(full, (place) => place.slots, random).shard
  }

  #indexed(): Map<string, Map<Region, Place[]>> {
    const places = new Map<string, Map<Region, Place[]>>()
    for (const { shard, region, models } of this.#snapshots.values()) {
      for (const [index, { id }] of models.entries()) {
        const regions = places.get(id) ?? new Map<Region, Place[]>()
        places.set(id, regions)
        const place = new Place(shard, this.#snapshots, index)
        regions.set(region, [...(regions.get(region) ?? []), place])
      }
    }
    return places
  }
}

interface Load {
  readonly slots: number
  readonly free: number
}

/**
 * The power of two choices: of two drawn at random, the one with the larger free share. The draw is
 * by `weight`, so that a small shard is not buried by what many readers send before it can report.
 * `places` is not empty.
 */
function chooseShard<P extends Load>(
  places: readonly P[],
  weight: (place: P) => number,
  random: () => number,
): P {
  const total = places.reduce((sum, place) => sum + weight(place), 0)
  const draw = (): P => {
    let rest = random() * total
    const drawn = places.find((place) => (rest -= weight(place)) < 0)
    return drawn ?? (places[0] as P)
  }
  const [first, second] = [draw(), draw()]
  return freeShare(first) >= freeShare(second) ? first : second
}

const freeShare = ({ free, slots }: Load): number => (slots === 0 ? 0 : free / slots)
