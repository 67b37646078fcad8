import type { Books } from './books.ts'
import type { Identity } from './identity.ts'
import type { MarketRules, MarketSetting } from './market-rules.ts'
import type { Random } from './random.ts'
import type { ProviderStrategy, VerifierStrategy } from './strategies.ts'

export interface Provider extends Identity {
  readonly strategy: ProviderStrategy
  /** Its score of the day. */
  weight: number
}

export interface Verifier extends Identity {
  readonly strategy: VerifierStrategy
  /** Audits of the hour. */
  assigned: number
}

/** All there is at one time. */
export interface Market {
  readonly rules: MarketRules
  readonly setting: MarketSetting
  readonly random: Random
  readonly books: Books
  /** All identities that ever were: what the abandoned ones are owed is still theirs. */
  readonly providers: Provider[]
  readonly verifiers: Verifier[]
  /** Unix ms, from 0 on in whole hours. */
  now: number
}
