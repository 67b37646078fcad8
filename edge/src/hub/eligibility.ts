import { hasRoom, type Candidate } from './candidate.ts'
import type { MatchRules } from './match-rules.ts'
import type { Cohort, PriceLevel } from './model-shelf.ts'
import { namesOf, RULE_BIT, RuleFilter, type RuleName } from './rule-filter.ts'

/** The client's rules, and who is out already: peers that failed this job. */
export type ChoiceRules = MatchRules & { readonly exclude: ReadonlySet<string> }

/**
 * `full`: only load stood in the way. `unsuitable`: somebody serves the model, and these rules leave
 * nobody. `none`: nobody serves it, or nobody is left who has not been excluded.
 */
export type Refusal =
  | { readonly why: 'full' }
  | { readonly why: 'none' }
  | { readonly why: 'unsuitable'; readonly rules: readonly RuleName[] }

/** Says who can have one job now, and remembers why the others could not. */
export class Eligibility<C extends Candidate> {
  readonly #filter: RuleFilter
  readonly #exclude: ReadonlySet<string>
  readonly #now: number
  /** Rules that have kept somebody out; see `RULE_BIT`. */
  #misfits = 0
  /** Somebody suits and has no room. */
  #full = false
  /** Somebody was excluded or goes. */
  #passedOver = false

  /** `now`: ms since the epoch. */
  constructor(rules: ChoiceRules, now: number) {
    this.#filter = new RuleFilter(rules)
    this.#exclude = rules.exclude
    this.#now = now
  }

  /** Whether a candidate can have the job now. */
  admits(candidate: C): boolean {
    if (!this.suits(candidate)) return false
    if (hasRoom(candidate, this.#now)) return true
    this.#full = true
    return false
  }

  /** Whether a candidate could have the job if it had room. */
  suits(candidate: C): boolean {
    if (candidate.draining || this.#exclude.has(candidate.peer)) {
      this.#passedOver = true
      return false
    }
    const misfits = this.#filter.misfits(candidate)
    this.#misfits |= misfits
    return misfits === 0
  }

  /** The cohorts that are not ruled out as a whole. */
  cohorts(all: readonly Cohort<C>[]): readonly Cohort<C>[] {
    return all.filter(({ profile }) => {
      const misfits = profile === undefined ? 0 : this.#filter.profileMisfits(profile)
      this.#misfits |= misfits
      return misfits === 0
    })
  }

  /** The price levels that the client can pay. */
  affordable(levels: readonly PriceLevel<C>[]): readonly PriceLevel<C>[] {
    const affordable = levels.filter(({ price }) => this.#filter.isAffordable(price))
    if (affordable.length < levels.length) this.#misfits |= RULE_BIT.max_price
    return affordable
  }

  /** A list has kept out those whom it does not name. */
  keepsOut(list: 'only' | 'order'): void {
    this.#misfits |= RULE_BIT[list]
  }

  /** Somebody who suits has been seen, and had no room. */
  get sawFull(): boolean {
    return this.#full
  }

  get hasPassedOver(): boolean {
    return this.#passedOver
  }

  /** Why nobody was found, as far as was looked; `someoneFull`: somebody who suits has no free slot. */
  refusal(someoneFull = this.#full): Refusal {
    if (someoneFull) return { why: 'full' }
    if (this.#misfits === 0) return { why: 'none' }
    return { why: 'unsuitable', rules: namesOf(this.#misfits) }
  }
}
