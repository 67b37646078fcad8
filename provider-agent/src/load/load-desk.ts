import { MAX_SLOTS } from '@infernet/schemas/limits'
import type { Load } from '@infernet/schemas/wire'
import type { Engine } from '../engines/engine.ts'
import type { JobOutcome } from '../jobs/job.ts'
import { RecentSpeed } from './recent-speed.ts'
import { SlotFinder, type EndedJob, type RunningJobs } from './slot-finder.ts'

/** So rarely the public record follows the slots: edges have them from the load at once. */
const ANNOUNCE_INTERVAL_MS = 60_000

export interface LoadDeskOptions {
  readonly engine: Pick<Engine, 'slots' | 'hasSlotsPerModel' | 'load' | 'cacheTokens' | 'models'>
  /** Jobs at once, of each model where these share nothing, as the owner says; undefined: it is found out. */
  readonly slots: number | undefined
  /** When it has cached nothing yet, in ms since the epoch. */
  readonly startedAt: number
}

/** As the owner is told. */
export interface AgentLoad {
  /** Jobs that may run at once now. */
  readonly slots: number
  /** It finds out how many; else the owner has said. */
  readonly findsSlots: boolean
  /** Requests that wait in the engine. */
  readonly waiting: number
  /** Share of the engine's key-value cache in use, 0 to 1; undefined while unknown. */
  readonly kvUse: number | undefined
}

/** The jobs of a connection. */
export interface CurrentJobs extends RunningJobs {
  /** Tokens of them, read and written. */
  readonly held: number
}

const NO_JOBS: CurrentJobs = { running: 0, written: 0, held: 0 }

/** How many jobs the agent takes at once, and what it tells of its load. Times in ms: of the monotonic clock, if not said otherwise. */
export class LoadDesk {
  readonly #options: LoadDeskOptions
  readonly #finder: SlotFinder | undefined
  readonly #speed = new RecentSpeed()
  #models: readonly string[] = []
  #cacheSince: number
  #announced: number | undefined
  #announcedAt = 0

  constructor(options: LoadDeskOptions) {
    const { engine, slots, startedAt } = options
    this.#options = options
    this.#finder = slots === undefined ? new SlotFinder(() => engine.slots) : undefined
    this.#cacheSince = startedAt
  }

  /** Jobs at once, whatever is in the engine beside them. */
  get usualSlots(): number {
    return Math.min(MAX_SLOTS, this.#sharers * this.slotsPerModel)
  }

  /** Of them those that one model may take, so that none waits in its process while others have nothing to do. */
  get slotsPerModel(): number {
    return this.#finder?.slots ?? this.#options.slots ?? 1
  }

  /** Jobs at once now: who waits in the engine has come before. At least one. */
  get slots(): number {
    return Math.max(1, this.usualSlots - (this.#options.engine.load?.waiting ?? 0))
  }

  /** Whether the owner has not said how many. */
  get findsSlots(): boolean {
    return this.#finder !== undefined
  }

  finished(job: EndedJob & Pick<JobOutcome, 'startedAt' | 'endedAt'>): void {
    this.#finder?.finished(job)
    this.#speed.finished(job)
  }

  /** Call it a few times a second. */
  tick(now: number, jobs: RunningJobs | undefined): void {
    const { running, written } = jobs ?? NO_JOBS
    this.#finder?.tick(now, { running: running / this.#sharers, written })
  }

  /** Those that have as many slots each. */
  get #sharers(): number {
    const { hasSlotsPerModel, models } = this.#options.engine
    return hasSlotsPerModel === true ? Math.max(1, models.length) : 1
  }

  /** What the engine had cached is gone; `now` in ms since the epoch, and what is told is never the same again. */
  cacheLost(now: number): void {
    this.#cacheSince = Math.max(now, this.#cacheSince + 1)
  }

  /** A model that goes takes its cache along. `now` in ms since the epoch. */
  modelsChanged(now: number): void {
    const models = this.#options.engine.models.map(({ id }) => id)
    if (this.#models.some((id) => !models.includes(id))) this.cacheLost(now)
    this.#models = models
  }

  /** The slots for a capability record that is sent now. */
  announce(now: number): number {
    this.#announced = this.usualSlots
    this.#announcedAt = now
    return this.#announced
  }

  /** Whether a capability record with other slots should be sent. */
  isDue(now: number): boolean {
    if (this.#announced === undefined || this.#announced === this.usualSlots) return false
    return now - this.#announcedAt >= ANNOUNCE_INTERVAL_MS
  }

  /** Share of the engine's key-value cache in use, 0 to 1; undefined while unknown. */
  kvUse({ held }: Pick<CurrentJobs, 'held'> = NO_JOBS): number | undefined {
    const { load, cacheTokens } = this.#options.engine
    if (load?.kvUse !== undefined) return load.kvUse
    return cacheTokens === undefined || cacheTokens === 0
      ? undefined
      : Math.min(1, held / cacheTokens)
  }

  /** What an edge is told. */
  report(jobs: CurrentJobs = NO_JOBS): Load {
    const { others = 0, waiting = 0 } = this.#options.engine.load ?? {}
    const kvUse = this.kvUse(jobs)
    return {
      running: Math.max(jobs.running, jobs.running + others - waiting),
      waiting,
      ...(this.slots === this.#announced ? {} : { slots: this.slots }),
      ...(kvUse === undefined ? {} : { kv_use: hundredths(kvUse) }),
      ...this.#speed.figures,
      cache_since: this.#cacheSince,
    }
  }
}

const hundredths = (value: number): number => Math.round(value * 100) / 100
