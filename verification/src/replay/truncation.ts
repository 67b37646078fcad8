import type { SamplerSettings } from '../sampler-settings.ts'
import { massesAt, type Masses } from './masses.ts'
import type { Ranking } from './ranking.ts'
import { REPLAY_RULES, type SeededVariant } from './replay-variant.ts'

/** What exp can take of a change without leaving the doubles. */
const MAX_EXPONENT = 600

/**
 * How an engine cuts the tail. llama.cpp (llama-sampler.cpp, v0.5.0): top_k, then top_p, then min_p, all on
 * untempered probabilities. vLLM (v1/worker/gpu/sample/sampler.py): temperature, min_p, top_k, then top_p
 * on what these left. Both keep a token if those before it have less than top_p together.
 */
export interface Cuts {
  readonly topK: number
  readonly topP: number
  /** Nats against the likeliest that a token may lack, on untempered logits; -Infinity keeps all. */
  readonly gap: number
  /** Temperature of the probabilities that top_p adds up. */
  readonly temperature: number
  readonly isMinPFirst: boolean
}

export function cutsOf(settings: SamplerSettings, variant: SeededVariant): Cuts {
  const isTempered = REPLAY_RULES[variant].family === 'gumbel'
  const temperature = isTempered ? settings.temperature : 1
  return {
    topK: settings.topK > 0 ? settings.topK : Infinity,
    topP: settings.topP >= 1 ? Infinity : settings.topP,
    gap: temperature * Math.log(settings.minP),
    temperature,
    isMinPFirst: isTempered,
  }
}

/** How many of those ranked the cuts leave, whichever way each logit moved by what was allowed. */
export interface Survivors {
  readonly fewest: number
  readonly most: number
  /** Whether any that is not ranked may be left. */
  readonly mayRest: boolean
}

/** Survivors always lead the ranking: a cut never takes a token and leaves a less likely one. */
export class Truncation {
  readonly #ranking: Ranking
  readonly #cuts: Cuts
  readonly #masses: Masses

  constructor(ranking: Ranking, cuts: Cuts) {
    this.#ranking = ranking
    this.#cuts = cuts
    this.#masses = massesAt(ranking, cuts.temperature, cuts.topK)
  }

  /** When each logit may be up to `change` nats another. Bounds: in between, not every number occurs. */
  survivors(change: number): Survivors {
    const { topK, gap, temperature } = this.#cuts
    const { rest, settled } = this.#ranking
    const odds = oddsRatio(change, temperature)
    const mostByMinP = this.#countAbove(gap - 2 * change)
    const fewestByMinP = this.#countAbove(gap + 2 * change)
    const furthest = this.#topPEnd(this.#mostPool(mostByMinP), odds)
    const nearest = this.#topPEnd(this.#leastPool(fewestByMinP), 1 / odds)
    const most = Math.min(topK, mostByMinP, this.#countBefore(furthest))
    const fewest = Math.min(topK, fewestByMinP, this.#countBefore(nearest))
    const mayRest =
      most >= settled &&
      topK > settled &&
      rest.most > 0 &&
      rest.logit >= gap - 2 * change &&
      (this.#masses.first[settled] ?? 0) < furthest
    return { fewest, most, mayRest }
  }

  /** The weight that top_p takes for the whole. */
  #mostPool(byMinP: number): number {
    const { topK, isMinPFirst } = this.#cuts
    const { settled } = this.#ranking
    const { first, mostRest } = this.#masses
    const pool = isMinPFirst && byMinP < settled ? Math.min(topK, byMinP) : topK
    return pool > settled ? (first.at(-1) ?? 0) + mostRest : (first[pool] ?? 0)
  }

  #leastPool(byMinP: number): number {
    const { topK, gap, isMinPFirst } = this.#cuts
    const { first, leastRest } = this.#masses
    const pool = isMinPFirst ? Math.min(topK, byMinP) : topK
    if (pool < first.length - 1) return first[pool] ?? 0
    const isRestCut = isMinPFirst && gap > -Infinity
    return (first.at(-1) ?? 0) + (isRestCut ? 0 : leastRest)
  }

  /** A token stays while those before it weigh less than this, with their odds against the others so much less. */
  #topPEnd(pool: number, odds: number): number {
    const { topP } = this.#cuts
    return topP === Infinity ? Infinity : (topP * odds * pool) / (1 - topP + topP * odds)
  }

  #countAbove(gap: number): number {
    const { logits } = this.#ranking
    let count = 1
    while (count < logits.length && (logits[count] ?? 0) >= gap) count++
    return count
  }

  #countBefore(end: number): number {
    const { first } = this.#masses
    let count = 1
    while (count < first.length - 1 && (first[count] ?? 0) < end) count++
    return count
  }
}

/**
 * The most by which the odds of some tokens against all others change when each logit moves by up to
 * `change` nats: those rise by it, and the others fall.
 */
export const oddsRatio = (change: number, temperature: number): number =>
  Math.exp(Math.min((2 * change) / temperature, MAX_EXPONENT))
