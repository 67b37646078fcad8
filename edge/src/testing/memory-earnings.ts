import { DbUnavailable } from '@infernet/settlement/db/db-port'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { EarningsStore, ProviderEarnings } from '../earnings/earnings-port.ts'
import type { MemoryStore } from './memory-store.ts'

/** Of a provider that has earned nothing. */
export const NO_EARNINGS: ProviderEarnings = {
  standing: 'clear',
  pendingMsat: 0n,
  heldMsat: 0n,
  payableMsat: 0n,
  inFlightMsat: 0n,
  paidMsat: 0n,
  earnedMsat: 0n,
  lostMsat: 0n,
  jobs: 0,
  since: null,
  days: [],
  payouts: [],
}

/** What a test says that providers have earned. */
export class MemoryEarnings implements EarningsStore {
  readonly of = new Map<PeerId, ProviderEarnings>()
  /** Asked so often. */
  asks = 0
  readonly #rows: { readonly store: MemoryStore }

  constructor(rows: { readonly store: MemoryStore }) {
    this.#rows = rows
  }

  async earningsOf(provider: PeerId): Promise<ProviderEarnings> {
    this.asks++
    if (this.#rows.store.down) throw new DbUnavailable('down')
    return this.of.get(provider) ?? NO_EARNINGS
  }
}
