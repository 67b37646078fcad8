import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { HubPort } from '../ports.ts'
import {
  byScore,
  classSpeeds,
  figuresOf,
  type ClassSpeeds,
  type ProviderFigures,
} from './provider-figures.ts'
import type { ProviderRecord, ProviderStore } from './provider-port.ts'

/** Younger ranks are shown as they are: Postgres and the hubs are asked so often at most, by each process. */
export const RANKS_TTL_MS = 30_000
/** So old they are shown while somebody else asks. */
const RANKS_MAX_STALE_MS = 300_000
/** A process without ranks asks so often at a time, and tells others to come back. */
const MAX_LOADS = 4
/** A load that takes longer has failed, or its request died with it. */
const LOAD_PATIENCE_MS = 10_000
const RETRY_AFTER_MS = 2_000

export interface ProviderRanksOptions {
  readonly store: ProviderStore
  readonly hub: Pick<HubPort, 'presenceOf'>
  /** ms since the epoch. */
  readonly now: () => number
}

interface Ranks {
  /** The best first. */
  readonly providers: readonly ProviderFigures[]
  readonly classes: ClassSpeeds
  readonly at: number
}

/**
 * Providers by their score, as one process of the edge remembers them for some seconds. The value is shared between
 * requests, never the promise: in a Worker no request may wait for I/O that another one started.
 */
export class ProviderRanks {
  readonly #options: ProviderRanksOptions
  #ranks: Ranks | undefined
  /** When those loads began that are under way. */
  readonly #loads = new Set<{ readonly at: number }>()

  constructor(options: ProviderRanksOptions) {
    this.#options = options
  }

  /** The best first. Throws ApiError 503 when too many ask for the first ranks, and what the store throws. */
  async all(): Promise<readonly ProviderFigures[]> {
    return (await this.#current()).providers
  }

  /** One of them, or any other that was ever here. */
  async find(id: PeerId): Promise<ProviderFigures | undefined> {
    const { providers, classes } = await this.#current()
    const ranked = providers.find(({ record }) => record.id === id)
    if (ranked !== undefined) return ranked
    const record = await this.#options.store.findProvider(id)
    return record && (await this.#figures([record], classes))[0]
  }

  async #current(): Promise<Ranks> {
    const now = this.#options.now()
    const ranks = this.#ranks
    const age = ranks === undefined ? Number.POSITIVE_INFINITY : now - ranks.at
    if (ranks !== undefined && age < RANKS_TTL_MS) return ranks
    for (const load of this.#loads) if (now - load.at >= LOAD_PATIENCE_MS) this.#loads.delete(load)
    if (ranks !== undefined && age < RANKS_MAX_STALE_MS && this.#loads.size > 0) return ranks
    if (this.#loads.size >= MAX_LOADS) throw apiErrors.overloaded(RETRY_AFTER_MS)
    return this.#load(now)
  }

  async #load(at: number): Promise<Ranks> {
    const load = { at }
    this.#loads.add(load)
    try {
      const records = await this.#options.store.latestProviders()
      const classes = classSpeeds(records)
      const ranks = { providers: byScore(await this.#figures(records, classes)), classes, at }
      if ((this.#ranks?.at ?? 0) <= at) this.#ranks = ranks
      return ranks
    } finally {
      this.#loads.delete(load)
    }
  }

  async #figures(
    records: readonly ProviderRecord[],
    classes: ClassSpeeds,
  ): Promise<ProviderFigures[]> {
    const { hub, now } = this.#options
    const connected = await hub.presenceOf(records.map(({ id }) => id))
    const presences = new Map(connected.map((presence) => [presence.peer, presence]))
    const at = now()
    return records.map((record) => figuresOf(record, presences.get(record.id), classes, at))
  }
}
