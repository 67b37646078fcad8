import type { ModelOffer, Price } from '@infernet/schemas/wire'
import { MAX_KNOWN_MODELS } from '../limits.ts'
import type { Directory, ServedModel } from '../ports.ts'
import type { Candidate } from './matcher.ts'
import type { ProviderSession } from './provider-session.ts'

/** A provider as the matcher sees it for one model. */
class OfferedModel implements Candidate {
  readonly session: ProviderSession
  readonly offer: ModelOffer

  constructor(session: ProviderSession, offer: ModelOffer) {
    this.session = session
    this.offer = offer
  }

  get peer(): string {
    return this.session.peer
  }
  get slots(): number {
    return this.session.capability.slots
  }
  get inFlight(): number {
    return this.session.inFlight
  }
  get reported(): number {
    return this.session.reported
  }
  get draining(): boolean {
    return this.session.unavailable
  }
  get price(): Price {
    return this.offer.price
  }
}

/** Who serves what: the matcher's index, and the public directory made from it. */
export class ModelOffers {
  readonly #byModel = new Map<string, OfferedModel[]>()
  /** Every model ever seen, with when; insertion order is age. */
  readonly #known = new Map<string, number>()
  #directory: Directory | undefined

  /** Remembers names from an earlier life, so that they answer 503 and not 404. */
  remember(models: readonly string[], now: number): void {
    for (const model of models) this.#learn(model, now)
    this.#directory = undefined
  }

  candidates(model: string): readonly OfferedModel[] {
    return this.#byModel.get(model) ?? []
  }

  /** Replaces what a provider offers; a draining or gone provider offers nothing. */
  update(session: ProviderSession, offers: readonly ModelOffer[], now: number): void {
    for (const [model, offered] of this.#byModel) {
      const others = offered.filter((candidate) => candidate.session !== session)
      if (others.length === 0) this.#byModel.delete(model)
      else if (others.length < offered.length) this.#byModel.set(model, others)
    }
    for (const offer of uniqueOffers(offers)) {
      this.#learn(offer.id, now)
      this.#byModel.set(offer.id, [...this.candidates(offer.id), new OfferedModel(session, offer)])
    }
    this.#directory = undefined
  }

  /** Computed once per change of who is connected, not per request. */
  directory(): Directory {
    this.#directory ??= {
      models: [...this.#byModel].map(([id, offered]) => this.#servedModel(id, offered)),
      offline: [...this.#known.keys()].filter((model) => !this.#byModel.has(model)),
    }
    return this.#directory
  }

  #servedModel(id: string, offered: readonly OfferedModel[]): ServedModel {
    const prices = offered.map((candidate) => candidate.price)
    return {
      id,
      contextLength: Math.max(...offered.map((candidate) => candidate.offer.context_length)),
      maxPrice: {
        prompt: Math.max(...prices.map((price) => price.prompt)),
        completion: Math.max(...prices.map((price) => price.completion)),
      },
      minPrice: {
        prompt: Math.min(...prices.map((price) => price.prompt)),
        completion: Math.min(...prices.map((price) => price.completion)),
      },
      providers: offered.length,
      capabilities: [...new Set(offered.flatMap((candidate) => candidate.offer.capabilities))],
      since: this.#known.get(id) ?? 0,
    }
  }

  #learn(model: string, now: number): void {
    if (this.#known.has(model)) return
    if (this.#known.size >= MAX_KNOWN_MODELS) {
      for (const known of this.#known.keys()) {
        if (this.#byModel.has(known)) continue
        this.#known.delete(known)
        break
      }
    }
    this.#known.set(model, now)
  }
}

/** A model named twice in one record counts once, as the last one says; `ProviderSession` agrees. */
const uniqueOffers = (offers: readonly ModelOffer[]): Iterable<ModelOffer> =>
  new Map(offers.map((offer) => [offer.id, offer])).values()
