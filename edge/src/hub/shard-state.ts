import type { Directory, ServedModel } from '../ports.ts'
import { MAX_SNAPSHOT_MODELS } from './shard-limits.ts'
import type { Region } from './shard-region.ts'
import type { ShardSnapshot } from './shard-snapshot.ts'

/** What a snapshot is taken of. */
export interface ShardSubject {
  directory(): Directory
  /** Slots of the model's providers, and those of them that are free now. */
  modelLoad(model: string): { readonly slots: number; readonly free: number }
  readonly jobsInFlight: number
  readonly providers: number
}

/** Takes the snapshots of one hub. */
export class ShardState {
  readonly #shard: string
  readonly #region: Region
  readonly #hub: ShardSubject
  readonly #life: string
  readonly #now: () => number
  #seen: readonly ServedModel[] | undefined
  #models: readonly ServedModel[] = []
  #offers = 0

  /** `life` is unique to this process of the shard. */
  constructor(options: {
    shard: string
    region: Region
    hub: ShardSubject
    life: string
    now: () => number
  }) {
    this.#shard = options.shard
    this.#region = options.region
    this.#hub = options.hub
    this.#life = options.life
    this.#now = options.now
  }

  snapshot(): ShardSnapshot {
    const hub = this.#hub
    const { models } = hub.directory()
    // The hub makes a new list when what is in it has changed.
    if (models !== this.#seen) {
      this.#seen = models
      this.#models = mostServed(models)
      this.#offers++
    }
    const loads = this.#models.map(({ id }) => hub.modelLoad(id))
    return {
      shard: this.#shard,
      region: this.#region,
      at: this.#now(),
      offers: `${this.#life}:${this.#offers}`,
      models: this.#models,
      slots: loads.map(({ slots }) => slots),
      freeSlots: loads.map(({ free }) => free),
      jobsInFlight: hub.jobsInFlight,
      providers: hub.providers,
    }
  }
}

const mostServed = (models: readonly ServedModel[]): readonly ServedModel[] =>
  models.length <= MAX_SNAPSHOT_MODELS
    ? models
    : models.toSorted((a, b) => b.providers - a.providers).slice(0, MAX_SNAPSHOT_MODELS)
