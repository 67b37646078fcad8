import { MEASURED, type TokensToDetection } from './detection.ts'

const DAY_MS = 86_400_000

/** How somebody with a GPU goes about earning. Costs are shares of what honest generation costs. */
export interface ProviderStrategy {
  readonly name: string
  /** Share of its jobs that it cheats in, by how long its identity has been there, ms. */
  readonly cheats: (ageMs: number) => number
  /** What a cheated job costs it beside an honest one. */
  readonly cheatCost: number
  /** How soon a cheated job tells; undefined: never. */
  readonly detection: TokensToDetection | undefined
  /** Whether it comes back as somebody new once it gets no more work. */
  readonly returns: boolean
  /** Whether one of the verifiers is its own, and passes whatever it did. */
  readonly hasVerifier: boolean
}

/** How somebody goes about checking. */
export interface VerifierStrategy {
  readonly name: string
  /** Whose jobs it really scores; the rest it passes unseen. */
  readonly scores: 'all' | 'none' | 'all but its partner’s'
}

const always = () => 1
const from = (day: number, share: number) => (ageMs: number) => (ageMs < day * DAY_MS ? 0 : share)

/** Reporting logprobs of the model that was promised means to run it over the answer once. */
const FORGING = 0.1
/** Half the bytes to read for a token are half the time. */
const Q4 = 0.5
const Q8 = 0.6
/** 8B parameters for 70B. */
const SMALL_MODEL = 8 / 70
/** Looking an earlier answer up. */
const CACHE = 0.02

const CHEAT = { cheats: always, returns: false, hasVerifier: false }
const FORGER = { ...CHEAT, cheatCost: SMALL_MODEL + FORGING, detection: MEASURED.smallForged }

export const HONEST: ProviderStrategy = {
  ...CHEAT,
  name: 'honest',
  cheats: () => 0,
  cheatCost: 1,
  detection: undefined,
}

/** All are expected to earn less than {@link HONEST}. */
export const CHEATS: readonly ProviderStrategy[] = [
  { ...CHEAT, name: 'q4 swapper', cheatCost: Q4, detection: MEASURED.q4 },
  { ...CHEAT, name: 'fp8 swapper', cheatCost: Q8, detection: MEASURED.fp8 },
  { ...CHEAT, name: 'q4 forger', cheatCost: Q4 + FORGING, detection: MEASURED.q4Forged },
  { ...FORGER, name: 'small-model forger' },
  { ...CHEAT, name: 'cacher', cheatCost: CACHE, detection: MEASURED.cached },
  { ...FORGER, name: 'intermittent (5 % from day 2)', cheats: from(1, 0.05) },
  { ...FORGER, name: 'late (all from day 15)', cheats: from(14, 1) },
  { ...FORGER, name: 'Sybil restarter', returns: true },
  { ...FORGER, name: 'colluders (from day 2)', cheats: from(1, 1), hasVerifier: true },
]

/** Earns more than {@link HONEST}, and is listed so that nobody believes otherwise. */
export const UNDETECTED: ProviderStrategy = {
  ...CHEAT,
  name: 'q8 forger (not detected)',
  cheatCost: Q8 + FORGING,
  detection: MEASURED.q8Forged,
}

export const HONEST_VERIFIER: VerifierStrategy = { name: 'honest verifier', scores: 'all' }
export const LAZY_VERIFIER: VerifierStrategy = { name: 'lazy verifier', scores: 'none' }
/** Of the colluders; what it earns is theirs. */
export const COLLUDING_VERIFIER: VerifierStrategy = {
  name: 'colluding verifier',
  scores: 'all but its partner’s',
}
