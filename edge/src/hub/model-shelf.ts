import type { Price } from '@infernet/schemas/wire'
import { blendedPrice, type Candidate, type OfferProfile } from './candidate.ts'

/** Distinct profiles of one model that are kept apart; more are a sign of play, and share one cohort. */
export const MAX_COHORTS = 64

/** The providers of one cohort that ask the same price. */
export interface PriceLevel<C> {
  readonly price: Price
  /** See `blendedPrice`. */
  readonly blended: number
  /** Those with a free slot, as far as {@link ModelShelf.setFull} was told. */
  readonly open: C[]
  readonly full: C[]
}

/** Providers whose offers have the same profile: what rules one of them out rules out all. */
export interface Cohort<C> {
  /** Undefined for the last cohort, in which every offer must be looked at by itself. */
  readonly profile: OfferProfile | undefined
  /** Those with a free slot, in no order. */
  readonly open: C[]
  /** Cheapest first. */
  readonly levels: PriceLevel<C>[]
}

type Place = 'openAt' | 'levelAt'

/** Where a provider stands, so that it can be taken out without a search. */
interface Seat<C> {
  readonly candidate: C
  readonly key: string
  readonly cohort: Cohort<C>
  readonly level: PriceLevel<C>
  full: boolean
  openAt: number
  levelAt: number
}

/**
 * The providers of one model, arranged so that the matcher finds one without a scan: apart by what
 * their offers can do, those with a free slot apart from the full ones, and in order of price.
 *
 * Coming, going, filling up and becoming free cost O(1), plus a binary search among the prices; a
 * price that nobody else asks also moves the pointers to the dearer ones (2 µs among 10,000).
 */
export class ModelShelf<C extends Candidate> {
  readonly #seats = new Map<string, Seat<C>>()
  readonly #cohorts = new Map<string, Cohort<C>>()
  #list: readonly Cohort<C>[] = []

  get size(): number {
    return this.#seats.size
  }

  /** At most {@link MAX_COHORTS} + 1. */
  get cohorts(): readonly Cohort<C>[] {
    return this.#list
  }

  find(peer: string): C | undefined {
    return this.#seats.get(peer)?.candidate
  }

  /** Everybody on the shelf, the longest there first. */
  *candidates(): Generator<C> {
    for (const { candidate } of this.#seats.values()) yield candidate
  }

  /** Adds a provider, instead of an older offer of the same peer. */
  add(candidate: C): void {
    const older = this.find(candidate.peer)
    if (older !== undefined) this.remove(older)
    const key = this.#keyOf(candidate.profile)
    const cohort = this.#cohorts.get(key) ?? this.#openCohort(key, candidate.profile)
    const level = levelAt(cohort.levels, candidate.price)
    const seat = { candidate, key, cohort, level, full: false, openAt: -1, levelAt: -1 }
    this.#seats.set(candidate.peer, seat)
    this.#sitDown(seat)
  }

  /** Removes this very offer; one that has been replaced is gone already. */
  remove(candidate: C): void {
    const seat = this.#seats.get(candidate.peer)
    if (seat?.candidate !== candidate) return
    this.#standUp(seat)
    this.#seats.delete(candidate.peer)
    const { cohort, level, key } = seat
    if (level.open.length + level.full.length > 0) return
    cohort.levels.splice(levelIndex(cohort.levels, level.price), 1)
    if (cohort.levels.length > 0) return
    this.#cohorts.delete(key)
    this.#list = [...this.#cohorts.values()]
  }

  /** Sets a provider aside while all its slots are in use, so that nobody looks at it in vain. */
  setFull(candidate: C, full: boolean): void {
    const seat = this.#seats.get(candidate.peer)
    if (seat?.candidate !== candidate || seat.full === full) return
    this.#standUp(seat)
    seat.full = full
    this.#sitDown(seat)
  }

  #keyOf(profile: OfferProfile): string {
    const { endpoints, capabilities, keepsPrompts, isVerifiable, quantization } = profile
    const key = `${endpoints} ${capabilities} ${keepsPrompts} ${isVerifiable} ${quantization}`
    return this.#cohorts.has(key) || this.#cohorts.size < MAX_COHORTS ? key : MIXED
  }

  #openCohort(key: string, profile: OfferProfile): Cohort<C> {
    const cohort = { profile: key === MIXED ? undefined : profile, open: [], levels: [] }
    this.#cohorts.set(key, cohort)
    this.#list = [...this.#cohorts.values()]
    return cohort
  }

  #sitDown(seat: Seat<C>): void {
    const { candidate, cohort, level, full } = seat
    seat.levelAt = (full ? level.full : level.open).push(candidate) - 1
    if (!full) seat.openAt = cohort.open.push(candidate) - 1
  }

  #standUp(seat: Seat<C>): void {
    const { cohort, level, full } = seat
    this.#take(full ? level.full : level.open, seat.levelAt, 'levelAt')
    if (!full) this.#take(cohort.open, seat.openAt, 'openAt')
  }

  /** The last of the list takes the place that becomes free. */
  #take(list: C[], at: number, place: Place): void {
    const last = list.pop()
    if (last === undefined || at === list.length) return
    list[at] = last
    const seat = this.#seats.get(last.peer)
    if (seat !== undefined) seat[place] = at
  }
}

/** No profile makes this key. */
const MIXED = 'mixed'

/**
 * The price levels of these cohorts from the cheapest to the dearest; levels of the same blended
 * price come together.
 */
export function* inPriceOrder<C>(cohorts: readonly Cohort<C>[]): Generator<PriceLevel<C>[]> {
  const heads = cohorts.map(({ levels }) => ({ levels, at: 0 }))
  for (;;) {
    let lowest = Number.POSITIVE_INFINITY
    for (const { levels, at } of heads) lowest = Math.min(lowest, levels[at]?.blended ?? lowest)
    if (lowest === Number.POSITIVE_INFINITY) return
    const step: PriceLevel<C>[] = []
    for (const head of heads) {
      for (let level = head.levels[head.at]; level?.blended === lowest;) {
        step.push(level)
        level = head.levels[++head.at]
      }
    }
    yield step
  }
}

/** Where this price stands, or would have to. */
function levelIndex<C>(levels: readonly PriceLevel<C>[], price: Price): number {
  const blended = blendedPrice(price)
  let [low, high] = [0, levels.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const level = levels[middle]
    if (level === undefined) break
    const isBelow =
      level.blended < blended || (level.blended === blended && level.price.prompt < price.prompt)
    if (isBelow) low = middle + 1
    else high = middle
  }
  return low
}

/** The level of this price, made if there is none. */
function levelAt<C>(levels: PriceLevel<C>[], price: Price): PriceLevel<C> {
  const index = levelIndex(levels, price)
  const existing = levels[index]
  if (existing?.price.prompt === price.prompt && existing.price.completion === price.completion)
    return existing
  const level = { price, blended: blendedPrice(price), open: [], full: [] }
  levels.splice(index, 0, level)
  return level
}
