import type { Price } from '@infernet/schemas/wire'
import { capabilityBits, endpointBits, type Candidate, type OfferProfile } from './candidate.ts'
import type { MatchRules } from './match-rules.ts'

/** The rules that can rule a provider out, in the words of clients where they have one. */
const RULE_NAMES = [
  'endpoint',
  'capabilities',
  'quantizations',
  'data_collection',
  'verify',
  'max_price',
  'only',
  'ignore',
  'order',
] as const
export type RuleName = (typeof RULE_NAMES)[number]

/** A set of rules, a bit each. */
export const RULE_BIT = {
  endpoint: 1,
  capabilities: 2,
  quantizations: 4,
  data_collection: 8,
  max_price: 16,
  only: 32,
  ignore: 64,
  order: 128,
  verify: 256,
} as const satisfies Record<RuleName, number>

export const namesOf = (bits: number): RuleName[] =>
  RULE_NAMES.filter((name) => (bits & RULE_BIT[name]) !== 0)

/** Below this a list is searched faster than it is made a set. */
const SMALL_LIST = 8

/** The rules of one request, prepared for many candidates. Answers are bits of {@link RULE_BIT}. */
export class RuleFilter {
  readonly #rules: MatchRules
  readonly #endpoint: number
  readonly #needs: number
  readonly #isIgnored: (peer: string) => boolean
  readonly #isListed: (peer: string) => boolean

  constructor(rules: MatchRules) {
    this.#rules = rules
    this.#endpoint = endpointBits([rules.endpoint])
    this.#needs = capabilityBits(rules.needs)
    this.#isIgnored = memberOf(rules.ignore)
    this.#isListed = rules.only === undefined ? () => true : memberOf(rules.only)
  }

  /** Rules that keep out every offer of this profile. */
  profileMisfits(profile: OfferProfile): number {
    const { quantizations, noDataCollection, verifiableOnly } = this.#rules
    let bits = 0
    if ((profile.endpoints & this.#endpoint) === 0) bits |= RULE_BIT.endpoint
    if ((profile.capabilities & this.#needs) !== this.#needs) bits |= RULE_BIT.capabilities
    if (quantizations !== undefined && !quantizations.includes(profile.quantization))
      bits |= RULE_BIT.quantizations
    if (noDataCollection && profile.keepsPrompts) bits |= RULE_BIT.data_collection
    if (verifiableOnly && !profile.isVerifiable) bits |= RULE_BIT.verify
    return bits
  }

  isAffordable(price: Price): boolean {
    const { maxPrice } = this.#rules
    return price.prompt <= maxPrice.prompt && price.completion <= maxPrice.completion
  }

  /** All the rules that keep this candidate out; 0 when it may have the job. */
  misfits(candidate: Candidate): number {
    let bits = this.profileMisfits(candidate.profile)
    if (!this.isAffordable(candidate.price)) bits |= RULE_BIT.max_price
    if (this.#isIgnored(candidate.peer)) bits |= RULE_BIT.ignore
    if (!this.#isListed(candidate.peer)) bits |= RULE_BIT.only
    return bits
  }
}

function memberOf(list: readonly string[]): (peer: string) => boolean {
  if (list.length <= SMALL_LIST) return (peer) => list.includes(peer)
  const set = new Set(list)
  return (peer) => set.has(peer)
}
