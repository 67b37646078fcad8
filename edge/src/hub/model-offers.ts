import { MAX_MODELS_PER_PROVIDER } from '@infernet/schemas/limits'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { ModelOffer, Price } from '@infernet/schemas/wire'
import { MAX_KNOWN_MODELS } from '../limits.ts'
import type { Directory, OfferView, ServedModel } from '../ports.ts'
import { hasRoom, profileOf, type Candidate, type OfferProfile } from './candidate.ts'
import { Measures } from './measures.ts'
import { ModelShelf } from './model-shelf.ts'
import { forgetOldest } from './oldest-first.ts'
import type { ProviderSession } from './provider-session.ts'
import type { ProviderStats } from './provider-stats.ts'

/** A provider as the matcher sees it for one model. */
export class OfferedModel implements Candidate {
  readonly session: ProviderSession
  readonly offer: ModelOffer
  readonly peer: PeerId
  readonly price: Price
  readonly profile: OfferProfile
  /** The session's, as of the last {@link ModelOffers.load}: one memory access less for the matcher. */
  slots: number
  inFlight: number
  kvUse: number
  readonly #measures: Measures
  /** Undefined until it has had a job. */
  stats: ProviderStats | undefined
  /** See {@link ModelOffers.setTrust}. */
  trust = 1

  constructor(session: ProviderSession, offer: ModelOffer, measures: Measures) {
    this.session = session
    this.offer = offer
    this.peer = session.peer
    this.price = offer.price
    this.profile = profileOf(offer, session.capability.data_collection)
    this.slots = session.slots
    this.inFlight = session.inFlight
    this.kvUse = session.kvUse
    this.#measures = measures
    this.stats = measures.find(this.peer, offer.id)
  }

  get reported(): number {
    return this.session.reported
  }
  get draining(): boolean {
    return this.session.draining
  }
  get blocked(): boolean {
    return this.session.blocked
  }
  get busyUntil(): number {
    return this.session.busyUntil
  }

  /** Its measures, begun at `now` (ms since the epoch) if there are none. */
  statsNow(now: number): ProviderStats {
    return (this.stats ??= this.#measures.begin(this.peer, this.offer.id, now))
  }
}

/** A provider that is connected and offers something. */
interface Standing {
  readonly offered: readonly OfferedModel[]
  /** All its slots are in use, as far as the shelves have been told. */
  full: boolean
}

/** Who serves what: the matcher's index, and the public directory made from it. */
export class ModelOffers {
  readonly #shelves = new Map<string, ModelShelf<OfferedModel>>()
  readonly #standings = new Map<ProviderSession, Standing>()
  readonly #measures = new Measures()
  /** By model, as far as it was said; it goes with the session. */
  readonly #trust = new WeakMap<ProviderSession, Map<string, number>>()
  /** Every model ever seen, with when; insertion order is age. */
  readonly #known = new Map<string, number>()
  #directory: Directory | undefined

  /** Remembers names from an earlier life, so that they answer 503 and not 404. */
  remember(models: readonly string[], now: number): void {
    for (const model of models) this.#learn(model, now)
    this.#directory = undefined
  }

  /** Who offers the model; undefined when nobody does. */
  shelf(model: string): ModelShelf<OfferedModel> | undefined {
    return this.#shelves.get(model)
  }

  find(model: string, peer: string): OfferedModel | undefined {
    return this.#shelves.get(model)?.find(peer)
  }

  /** Replaces what a provider offers; a draining or gone provider offers nothing. */
  update(session: ProviderSession, offers: readonly ModelOffer[], now: number): void {
    for (const offered of this.#standings.get(session)?.offered ?? []) this.#remove(offered)
    this.#standings.delete(session)
    const offered = uniqueOffers(offers).map(
      (offer) => new OfferedModel(session, offer, this.#measures),
    )
    for (const one of offered) one.trust = this.#trust.get(session)?.get(one.offer.id) ?? 1
    for (const candidate of offered) this.#add(candidate, now)
    if (offered.length > 0) this.#standings.set(session, { offered, full: false })
    this.load(session)
    this.#directory = undefined
  }

  /**
   * The provider has a job more or less, or has told its load: tells the shelves when its last slot is
   * taken or given back.
   */
  load(session: ProviderSession): void {
    const standing = this.#standings.get(session)
    if (standing === undefined) return
    const { inFlight, kvUse, slots } = session
    for (const offered of standing.offered) {
      offered.inFlight = inFlight
      offered.kvUse = kvUse
      offered.slots = slots
    }
    const full = inFlight >= slots
    if (standing.full === full) return
    standing.full = full
    for (const offered of standing.offered)
      this.#shelves.get(offered.offer.id)?.setFull(offered, full)
  }

  /**
   * How far a provider's answers of a model are trusted, 0 to 1, from now on and as long as it is
   * connected: see `Candidate`. Until it is said they are trusted fully.
   */
  setTrust(session: ProviderSession, model: string, trust: number): void {
    const known = this.#trust.get(session) ?? new Map<string, number>()
    this.#trust.set(session, known.set(model, trust))
    forgetOldest(known, MAX_MODELS_PER_PROVIDER)
    const offered = this.#standings.get(session)?.offered.find(({ offer }) => offer.id === model)
    if (offered !== undefined) offered.trust = trust
  }

  #add(offered: OfferedModel, now: number): void {
    const { id } = offered.offer
    this.#learn(id, now)
    const shelf = this.#shelves.get(id) ?? new ModelShelf<OfferedModel>()
    this.#shelves.set(id, shelf)
    shelf.add(offered)
  }

  #remove(offered: OfferedModel): void {
    const { id } = offered.offer
    const shelf = this.#shelves.get(id)
    shelf?.remove(offered)
    if (shelf?.size === 0) this.#shelves.delete(id)
    this.#measures.keep(offered)
  }

  /** Computed once per change of who is connected, not per request. */
  directory(): Directory {
    this.#directory ??= {
      models: [...this.#shelves].map(([id, shelf]) => this.#servedModel(id, offersOn(shelf))),
      offline: [...this.#known.keys()].filter((model) => !this.#shelves.has(model)),
    }
    return this.#directory
  }

  /** Slots of the model's providers, and those of them that are free. */
  modelLoad(model: string): { readonly slots: number; readonly free: number } {
    let [slots, free] = [0, 0]
    const shelf = this.#shelves.get(model)
    for (const offered of shelf === undefined ? [] : offersOn(shelf)) {
      if (offered.draining) continue
      slots += offered.slots
      free += Math.max(0, offered.slots - Math.max(offered.inFlight, offered.reported))
    }
    return { slots, free }
  }

  /** Everybody who offers the model, at `now` (ms since the epoch). */
  providersOf(model: string, now: number): OfferView[] {
    const shelf = this.#shelves.get(model)
    return shelf === undefined ? [] : offersOn(shelf).map((offered) => viewOf(offered, now))
  }

  /** How sure a job of this provider's worst model is to end well, by its latest ones, 0 to 1. */
  reliabilityOf(session: ProviderSession, now: number): number {
    const { offered } = this.#standings.get(session) ?? { offered: [] }
    return Math.min(1, ...offered.map(({ stats }) => stats?.reliability(now) ?? 1))
  }

  #servedModel(id: string, offered: readonly OfferedModel[]): ServedModel {
    const prices = offered.map(({ price }) => price)
    return {
      id,
      contextLength: Math.max(...offered.map(({ offer }) => offer.context_length)),
      maxPrice: extreme(Math.max, prices),
      minPrice: extreme(Math.min, prices),
      providers: offered.length,
      capabilities: unique(offered.flatMap(({ offer }) => offer.capabilities)),
      endpoints: unique(offered.flatMap(({ offer }) => offer.endpoints)),
      quantizations: unique(offered.map(({ profile }) => profile.quantization)).filter(Boolean),
      since: this.#known.get(id) ?? 0,
    }
  }

  #learn(model: string, now: number): void {
    if (this.#known.has(model)) return
    if (this.#known.size >= MAX_KNOWN_MODELS) {
      for (const known of this.#known.keys()) {
        if (this.#shelves.has(known)) continue
        this.#known.delete(known)
        break
      }
    }
    this.#known.set(model, now)
  }
}

const MS_PER_SECOND = 1000

function viewOf(offered: OfferedModel, now: number): OfferView {
  const { offer, peer, price, profile, stats, draining } = offered
  const figures = stats?.figures()
  const latency = figures?.firstByteP50Ms ?? undefined
  return {
    peer,
    price,
    quantization: profile.quantization === '' ? undefined : profile.quantization,
    contextLength: offer.context_length,
    capabilities: offer.capabilities,
    endpoints: offer.endpoints,
    latencyP50: latency === undefined ? undefined : latency / MS_PER_SECOND,
    throughputP50: figures?.tokensPerSecond ?? undefined,
    uptime: figures?.completionRate ?? undefined,
    available: !draining && hasRoom(offered, now),
  }
}

const offersOn = (shelf: ModelShelf<OfferedModel>): OfferedModel[] => [...shelf.candidates()]

const extreme = (of: (...values: number[]) => number, prices: readonly Price[]): Price => ({
  prompt: of(...prices.map(({ prompt }) => prompt)),
  completion: of(...prices.map(({ completion }) => completion)),
})

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)]

/** A model named twice in one record counts once, as the last one says; `ProviderSession` agrees. */
const uniqueOffers = (offers: readonly ModelOffer[]): ModelOffer[] => [
  ...new Map(offers.map((offer) => [offer.id, offer])).values(),
]
