import { MAX_CANDIDATES } from '../limits.ts'
import { loadOf, type Candidate } from './candidate.ts'
import { FIRST_RANK, lighterOf, MEASURES, rankOf } from './candidate-rank.ts'
import { Eligibility, type ChoiceRules, type Refusal } from './eligibility.ts'
import { inPriceOrder, type Cohort, type ModelShelf } from './model-shelf.ts'
import { ProviderPool } from './provider-pool.ts'

/** Price levels and candidates looked at in order of price: only those in vain count for much. */
const MAX_PRICE_LOOKS = 1024
/** Others that say how loaded the model's providers are. */
const LOAD_SAMPLE = 8
/** Up to this share of its slots a provider that knows the prompt is not overloaded, idle as others may be. */
const EASY_LOAD = 0.25
/** Above this share it is, however loaded the others are. */
const CROWDED_LOAD = 0.8
/** Share of jobs that are given without regard to trust: or else nobody new could ever earn some. */
const EXPLORATION = 0.05

/** How a provider was picked. */
export type Strategy = 'order' | 'price' | 'throughput' | 'latency' | 'affinity' | 'balanced'

export type Match<C> =
  | { readonly found: true; readonly provider: C; readonly strategy: Strategy }
  | ({ readonly found: false } & Refusal)

export interface MatchContext {
  /** ms since the epoch. */
  readonly now: number
  /** The peer that most likely has this prompt's beginning in its cache. */
  readonly affinity?: string | undefined
}

/**
 * Picks a provider for a job. The peers of `rules.order` come first; then the best by `rules.sort`;
 * without one the peer that knows the prompt, unless it is overloaded, else the less costly of two
 * drawn at random, as often as they are trusted (see `lighterOf`). Who misses a preference or has
 * failed lately comes last.
 *
 * The peers of a list are looked up, not searched for, and all of them are. Of the others at most
 * {@link MAX_CANDIDATES} are looked at, so up to that many nobody is overlooked; among more, when
 * none of those can have the job, the search goes on in order of price, within
 * {@link MAX_PRICE_LOOKS}. Sorted by price the answer is exact among any number.
 *
 * `random` yields numbers in [0, 1).
 */
export function chooseProvider<C extends Candidate>(
  shelf: ModelShelf<C> | undefined,
  rules: ChoiceRules,
  context: MatchContext,
  random: () => number,
): Match<C> {
  if (shelf === undefined || shelf.size === 0) return { found: false, why: 'none' }
  return new Search(shelf, rules, context, random).run()
}

/** Somebody who can have the job, and how far down it comes; see `rankOf`. */
interface Find<C> {
  readonly candidate: C
  readonly rank: number
}

class Search<C extends Candidate> {
  readonly #shelf: ModelShelf<C>
  readonly #rules: ChoiceRules
  readonly #context: MatchContext
  readonly #random: () => number
  readonly #eligibility: Eligibility<C>
  #exploring: boolean | undefined

  constructor(
    shelf: ModelShelf<C>,
    rules: ChoiceRules,
    context: MatchContext,
    random: () => number,
  ) {
    this.#shelf = shelf
    this.#rules = rules
    this.#context = context
    this.#random = random
    this.#eligibility = new Eligibility(rules, context.now)
  }

  run(): Match<C> {
    const { order, only, allowFallbacks, exclude } = this.#rules
    const eligibility = this.#eligibility
    const ordered = this.#named(order)
    for (const candidate of ordered) {
      if (eligibility.admits(candidate)) return found(candidate, 'order')
    }
    if (!allowFallbacks && order.length > 0) {
      const isShut = ordered.size < this.#shelf.size
      if (isShut && !eligibility.hasPassedOver) eligibility.keepsOut('order')
      return refused(eligibility.refusal())
    }
    // The first choice failed, and the client wants no other.
    if (!allowFallbacks && exclude.size > 0) return refused({ why: 'none' })
    return only === undefined ? this.#amongAll() : this.#amongNamed(only)
  }

  /** Those of a list who serve the model, each once. */
  #named(peers: readonly string[]): Set<C> {
    const named = new Set<C>()
    for (const peer of peers) {
      const candidate = this.#shelf.find(peer)
      if (candidate !== undefined) named.add(candidate)
    }
    return named
  }

  #amongNamed(peers: readonly string[]): Match<C> {
    const { sort } = this.#rules
    const listed = [...this.#named(peers)]
    if (listed.length === 0) this.#eligibility.keepsOut('only')
    const pool = this.#pool([listed])
    if (sort === undefined) return this.#unsorted(pool, listed.length) ?? this.#refusal()
    const best = this.#best(pool, listed.length, MEASURES[sort])
    return best === undefined ? this.#refusal() : found(best.candidate, sort)
  }

  #amongAll(): Match<C> {
    const { sort } = this.#rules
    const cohorts = this.#eligibility.cohorts(this.#shelf.cohorts)
    if (sort === 'price') {
      const cheapest = this.#cheapest(cohorts)
      return cheapest === undefined ? this.#refusal(cohorts) : found(cheapest.candidate, sort)
    }
    const pool = this.#pool(cohorts.map(({ open }) => open))
    if (sort === undefined) {
      const match = this.#unsorted(pool, MAX_CANDIDATES)
      if (match !== undefined) return match
    } else {
      const best = this.#best(pool, MAX_CANDIDATES, MEASURES[sort])
      if (best !== undefined) return found(best.candidate, sort)
    }
    // Those who can have it are few among many.
    const rare = pool.size > MAX_CANDIDATES ? this.#cheapest(cohorts) : undefined
    return rare === undefined ? this.#refusal(cohorts) : found(rare.candidate, sort ?? 'balanced')
  }

  #pool(lists: readonly (readonly C[])[]): ProviderPool<C> {
    return new ProviderPool(lists, this.#random)
  }

  #refusal(cohorts: readonly Cohort<C>[] = []): Match<C> {
    const eligibility = this.#eligibility
    const someoneFull = eligibility.sawFull || this.#someoneFullSuits(cohorts)
    return refused(eligibility.refusal(someoneFull))
  }

  #unsorted(pool: ProviderPool<C>, looks: number): Match<C> | undefined {
    const known = this.#withAffinity(pool)
    if (known !== undefined) return found(known, 'affinity')
    const balanced = this.#balanced(pool, looks)
    return balanced && found(balanced.candidate, 'balanced')
  }

  /** The best of those drawn until two usable ones of the first rank were believed in. */
  #balanced(pool: ProviderPool<C>, looks: number): Find<C> | undefined {
    let best: Find<C> | undefined
    let believed = 0
    pool.draw(looks, (candidate) => {
      if (!this.#eligibility.admits(candidate)) return false
      const next = this.#findOf(candidate)
      best = best === undefined ? next : this.#lighter(best, next)
      if (next.rank === FIRST_RANK && this.#believes(candidate)) believed++
      return believed === 2
    })
    return best
  }

  /** As often as it is trusted: many who are not must not crowd out the few who are. */
  #believes({ trust }: C): boolean {
    return trust >= 1 || this.#explores() || this.#random() < trust
  }

  /** Decided once, and only where somebody is not fully trusted. */
  #explores(): boolean {
    return (this.#exploring ??= this.#random() < EXPLORATION)
  }

  /** The usable one of the best rank with the lowest measure. */
  #best(
    pool: ProviderPool<C>,
    looks: number,
    measure: (candidate: C) => number,
  ): Find<C> | undefined {
    let best: Find<C> | undefined
    let lowest = Number.POSITIVE_INFINITY
    pool.draw(looks, (candidate) => {
      if (!this.#eligibility.admits(candidate)) return false
      const next = this.#findOf(candidate)
      const measured = measure(candidate)
      if (best === undefined || this.#isBetter(next, measured, best, lowest)) {
        best = next
        lowest = measured
      }
      return false
    })
    return best
  }

  #isBetter(next: Find<C>, measured: number, best: Find<C>, lowest: number): boolean {
    if (next.rank !== best.rank) return next.rank < best.rank
    if (measured !== lowest) return measured < lowest
    return this.#lighter(best, next) === next
  }

  #findOf(candidate: C): Find<C> {
    return { candidate, rank: rankOf(candidate, this.#rules, this.#context.now) }
  }

  #lighter(one: Find<C>, other: Find<C>): Find<C> {
    if (one.rank !== other.rank) return one.rank < other.rank ? one : other
    const { now } = this.#context
    const explores = one.candidate.trust !== other.candidate.trust && this.#explores()
    const lighter = lighterOf(one.candidate, other.candidate, { now, explores })
    return lighter === one.candidate ? one : other
  }

  /** The cheapest usable one of the best rank; among equally cheap ones as balanced. */
  #cheapest(cohorts: readonly Cohort<C>[]): Find<C> | undefined {
    let best: Find<C> | undefined
    let looks = 0
    for (const step of inPriceOrder(cohorts)) {
      if (looks >= MAX_PRICE_LOOKS) break
      const pool = this.#pool(this.#eligibility.affordable(step).map(({ open }) => open))
      looks += step.length + Math.min(pool.size, MAX_CANDIDATES)
      const cheapest = this.#balanced(pool, MAX_CANDIDATES)
      if (cheapest === undefined) continue
      if (cheapest.rank === FIRST_RANK) return cheapest
      if (best === undefined || cheapest.rank < best.rank) best = cheapest
    }
    return best
  }

  #someoneFullSuits(cohorts: readonly Cohort<C>[]): boolean {
    let looks = 0
    for (const step of inPriceOrder(cohorts)) {
      for (const { full } of this.#eligibility.affordable(step)) {
        for (const candidate of full) {
          if (this.#eligibility.suits(candidate)) return true
          if (++looks >= MAX_PRICE_LOOKS) return false
        }
      }
      if (++looks >= MAX_PRICE_LOOKS) return false
    }
    return false
  }

  /** The peer that knows the prompt, when it can have the job and is not overloaded. */
  #withAffinity(pool: ProviderPool<C>): C | undefined {
    const { affinity } = this.#context
    const candidate = affinity === undefined ? undefined : this.#shelf.find(affinity)
    if (candidate === undefined || !this.#eligibility.admits(candidate)) return undefined
    if (this.#findOf(candidate).rank !== FIRST_RANK) return undefined
    return this.#isOverloaded(candidate, pool) ? undefined : candidate
  }

  /** More loaded than most: above the mean and one standard deviation of a sample with it. */
  #isOverloaded(candidate: C, pool: ProviderPool<C>): boolean {
    const load = loadOf(candidate)
    if (load <= EASY_LOAD) return false
    if (load > CROWDED_LOAD) return true
    const loads = [load]
    pool.draw(LOAD_SAMPLE, (other) => {
      if (other !== candidate) loads.push(loadOf(other))
      return false
    })
    const mean = loads.reduce((sum, value) => sum + value, 0) / loads.length
    const variance = loads.reduce((sum, value) => sum + (value - mean) ** 2, 0) / loads.length
    return load > mean + Math.sqrt(variance)
  }
}

const found = <C>(provider: C, strategy: Strategy): Match<C> => ({
  found: true,
  provider,
  strategy,
})

const refused = (refusal: Refusal): { readonly found: false } & Refusal => ({
  found: false,
  ...refusal,
})
