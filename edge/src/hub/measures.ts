import { MAX_MEASURED_OFFERS } from '../limits.ts'
import { forgetOldest } from './oldest-first.ts'
import { ProviderStats } from './provider-stats.ts'

/** Measures of peers for models. They outlive connections; the oldest are forgotten first. */
export class Measures {
  /** By peer and model; insertion order is age. */
  readonly #stats = new Map<string, ProviderStats>()

  /** Undefined when this peer has had no job for this model, or long ago. */
  find(peer: string, model: string): ProviderStats | undefined {
    return this.#stats.get(keyOf(peer, model))
  }

  /** Begins to measure at `now`, ms since the epoch. */
  begin(peer: string, model: string, now: number): ProviderStats {
    const stats = new ProviderStats(now)
    this.#store(keyOf(peer, model), stats)
    return stats
  }

  /** An offer is withdrawn: however long it stood, its measures are new again. */
  keep(offered: {
    readonly peer: string
    readonly offer: { readonly id: string }
    readonly stats: ProviderStats | undefined
  }): void {
    const { peer, offer, stats } = offered
    if (stats !== undefined) this.#store(keyOf(peer, offer.id), stats)
  }

  #store(key: string, stats: ProviderStats): void {
    this.#stats.delete(key)
    this.#stats.set(key, stats)
    forgetOldest(this.#stats, MAX_MEASURED_OFFERS)
  }
}

/** Neither has a space in it. */
const keyOf = (peer: string, model: string): string => `${peer} ${model}`
