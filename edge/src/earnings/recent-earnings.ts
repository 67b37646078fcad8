import type { PeerId } from '@infernet/schemas/peer-id'
import type { EarningsStore, ProviderEarnings } from './earnings-port.ts'

/** Whoever watches its earnings asks Postgres no more often than this. */
export const EARNINGS_TTL_MS = 30_000
/** Providers that look at a time. */
const MAX_KEPT = 1_000

/** Earnings as they were a moment ago. `now` in ms since the epoch. */
export class RecentEarnings {
  readonly #store: EarningsStore
  readonly #now: () => number
  readonly #kept = new Map<
    PeerId,
    { readonly at: number; readonly found: Promise<ProviderEarnings> }
  >()

  constructor(store: EarningsStore, now: () => number) {
    this.#store = store
    this.#now = now
  }

  of(provider: PeerId): Promise<ProviderEarnings> {
    const at = this.#now()
    const kept = this.#kept.get(provider)
    if (kept !== undefined && at - kept.at < EARNINGS_TTL_MS) return kept.found
    const found = this.#store.earningsOf(provider)
    this.#kept.delete(provider)
    this.#kept.set(provider, { at, found })
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break
      this.#kept.delete(oldest)
    }
    // What could not be read is asked for again.
    found.catch(() => {
      if (this.#kept.get(provider)?.found === found) this.#kept.delete(provider)
    })
    return found
  }
}
