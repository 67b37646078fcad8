import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { PeerId } from '@infernet/schemas/peer-id'
import { forgetOldest } from '@infernet/settlement/forget-oldest'
import type { EarningsStore, ProviderEarnings } from './earnings-port.ts'

/** Whoever watches its earnings asks Postgres no more often than this. */
export const EARNINGS_TTL_MS = 30_000
/** Providers that look at a time. */
const MAX_KEPT = 1_000
/** Of one provider at a time: each is up to a second of a busy Postgres. */
const MAX_READS = 4
/** A read that takes longer has failed, or its request died with it. */
const READ_PATIENCE_MS = 10_000
const RETRY_AFTER_MS = 2_000

interface Kept {
  readonly at: number
  readonly found: ProviderEarnings
}

/**
 * Earnings as they were a moment ago. The value is shared between requests, never the promise: in a Worker no
 * request may wait for I/O that another one started. `now` in ms since the epoch.
 */
export class RecentEarnings {
  readonly #store: EarningsStore
  readonly #now: () => number
  readonly #kept = new Map<PeerId, Kept>()
  /** Those that are under way. */
  readonly #reads = new Set<{ readonly provider: PeerId; readonly at: number }>()

  constructor(store: EarningsStore, now: () => number) {
    this.#store = store
    this.#now = now
  }

  /** Throws ApiError 503 when one provider asks too often at a time, and what the store throws. */
  async of(provider: PeerId): Promise<ProviderEarnings> {
    const at = this.#now()
    const kept = this.#kept.get(provider)
    if (kept !== undefined && at - kept.at < EARNINGS_TTL_MS) return kept.found
    for (const read of this.#reads) if (at - read.at >= READ_PATIENCE_MS) this.#reads.delete(read)
    const own = [...this.#reads].filter((read) => read.provider === provider)
    if (own.length >= MAX_READS) throw apiErrors.overloaded(RETRY_AFTER_MS)
    return this.#read(provider, at)
  }

  async #read(provider: PeerId, at: number): Promise<ProviderEarnings> {
    const read = { provider, at }
    this.#reads.add(read)
    forgetOldest(this.#reads, MAX_KEPT)
    try {
      const found = await this.#store.earningsOf(provider)
      this.#keep(provider, { at, found })
      return found
    } finally {
      this.#reads.delete(read)
    }
  }

  #keep(provider: PeerId, kept: Kept): void {
    if ((this.#kept.get(provider)?.at ?? 0) > kept.at) return
    this.#kept.delete(provider)
    this.#kept.set(provider, kept)
    forgetOldest(this.#kept, MAX_KEPT)
  }
}
