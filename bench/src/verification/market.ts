import { mulberry32 } from '@infernet/models/prng'
import type { Simulation } from '@infernet/verification/economics/simulation'
import type { Budget } from './budget.ts'
import type { Findings } from './experiment.ts'
import { JUDGED_NOISE } from './setup.ts'
import { canaryAuc, market, standingAfterRefusals } from './simulations.ts'
import { afterReputation, honestLifetimes, requestsToAccusation, type Lifetimes } from './wealth.ts'
import type { Needed } from './needed.ts'

/** Shares of requests that are cheated in. */
const SHARES = [0.03, 0.05, 0.1, 0.3] as const
/** Honest audited requests before a provider turns. */
const PAST = 1_000
/** Refused openings that it takes to be accused: the third counts like a failed audit, and so does the fourth. */
const REFUSALS = 4
/** Cheats that mix honest answers in, by the name of their row. */
const MIXED = ['weights in q4_0', 'smaller model, logprobs forged', 'weights in q8_0'] as const

export interface MixRow {
  readonly name: string
  readonly share: number
  readonly needed: Needed
}

/** What follows from one family's figures over many requests. */
export interface OverTime {
  readonly mixes: readonly MixRow[]
  readonly lifetimes: Lifetimes
  readonly turned: ReturnType<typeof afterReputation>
}

export function overTime({ honest, attacks }: Findings, budget: Budget, seed: number): OverTime {
  const random = mulberry32(seed)
  const chance = { random, tries: budget.tries }
  const { heldOut } = honest[JUDGED_NOISE]
  const cheated = (name: string) => attacks.find((row) => row.name === name)?.figures.logE ?? []
  return {
    mixes: MIXED.flatMap((name) =>
      SHARES.map((share) => ({
        name,
        share,
        needed: requestsToAccusation({ cheated: cheated(name), honest: heldOut, share }, chance),
      })),
    ),
    lifetimes: honestLifetimes(
      heldOut,
      { lifetimes: budget.lifetimes, requests: budget.lifetimeRequests },
      random,
    ),
    turned: afterReputation(
      { cheated: cheated(MIXED[0]), honest: heldOut, share: 1 },
      PAST,
      chance,
    ),
  }
}

/** What needs no engine. */
export interface Surroundings {
  readonly canaryAuc: number
  readonly standingAfterRefusals: string
  readonly refusals: number
  readonly market: Simulation
}

export const surroundings = (budget: Budget, seed: number): Surroundings => ({
  canaryAuc: canaryAuc(budget.traffic, mulberry32(seed)),
  standingAfterRefusals: standingAfterRefusals(REFUSALS),
  refusals: REFUSALS,
  market: market(seed, budget.days),
})
