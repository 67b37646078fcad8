import type { Random } from '@infernet/verification/economics/random'
import { suspicionOf } from '@infernet/verification/evidence/suspicion'
import {
  logWealth,
  nextWealth,
  STARTING_WEALTH,
  type Wealth,
} from '@infernet/verification/evidence/wealth'
import { neededOf, type Chance, type Needed } from './needed.ts'

/** A provider that cheats in a share of its requests: their ln e, and that of the others. */
export interface Mix {
  readonly cheated: readonly number[]
  readonly honest: readonly number[]
  /** 0 to 1. */
  readonly share: number
}

/** Who is not accused by then is not found. */
const MOST_REQUESTS = 2_000

const STEPS = ['watched', 'suspended', 'accused'] as const
type Step = (typeof STEPS)[number]
/** Audited requests until a provider stands so, or worse. */
type Reached = Record<Step, number>

/** Audited requests until a provider is accused that cheats from its first one. */
export const requestsToAccusation = (mix: Mix, { random, tries }: Chance): Needed =>
  neededOf(Array.from({ length: tries }, () => reached(STARTING_WEALTH, mix, random).accused))

/** The same after an honest past of so many requests, for every step. */
export function afterReputation(
  mix: Mix,
  past: number,
  { random, tries }: Chance,
): Record<Step, Needed> {
  const all = Array.from({ length: tries }, () => {
    let wealth = STARTING_WEALTH
    for (let i = 0; i < past; i++) wealth = nextWealth(wealth, drawn(mix.honest, random))
    return reached(wealth, mix, random)
  })
  const needed = (step: Step): Needed => neededOf(all.map((one) => one[step]))
  return {
    watched: needed('watched'),
    suspended: needed('suspended'),
    accused: needed('accused'),
  }
}

function reached(past: Wealth, mix: Mix, random: Random): Reached {
  const steps = { watched: Infinity, suspended: Infinity, accused: Infinity }
  let wealth = past
  for (let request = 1; request <= MOST_REQUESTS && steps.accused === Infinity; request++) {
    wealth = nextWealth(wealth, drawn(random() < mix.share ? mix.cheated : mix.honest, random))
    const standing = suspicionOf(wealth)
    if (standing === 'clear') continue
    for (const step of STEPS.slice(0, STEPS.indexOf(standing) + 1)) {
      steps[step] = Math.min(steps[step], request)
    }
  }
  return steps
}

/** Of honest providers, so many were ever accused (or suspended) within their lifetime. */
export interface Lifetimes {
  readonly lifetimes: number
  /** Audited requests in each. */
  readonly requests: number
  readonly suspended: number
  readonly accused: number
  /** The highest lifetime evidence (ln) that any of them ever had. */
  readonly highest: number
}

/** Honest lifetimes made of the ln e of real honest requests. */
export function honestLifetimes(
  honest: readonly number[],
  { lifetimes, requests }: Pick<Lifetimes, 'lifetimes' | 'requests'>,
  random: Random,
): Lifetimes {
  let [suspended, accused, highest] = [0, 0, -Infinity]
  for (let life = 0; life < lifetimes; life++) {
    let wealth = STARTING_WEALTH
    let [isSuspended, isAccused] = [false, false]
    for (let request = 0; request < requests; request++) {
      wealth = nextWealth(wealth, drawn(honest, random))
      highest = Math.max(highest, logWealth(wealth))
      const standing = suspicionOf(wealth)
      if (standing === 'accused') isAccused = true
      if (standing === 'suspended') isSuspended = true
    }
    if (isSuspended) suspended++
    if (isAccused) accused++
  }
  return { lifetimes, requests, suspended, accused, highest }
}

const drawn = (list: readonly number[], random: Random): number =>
  list[Math.floor(random() * list.length)] ?? 0
