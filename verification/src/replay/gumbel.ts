import type { DrawCheck } from './excess.ts'
import type { Noise } from './gumbel-noise.ts'
import { massesAt } from './masses.ts'
import { bestRank, worstRank, type Ranking } from './ranking.ts'
import { Truncation, type Cuts } from './truncation.ts'

/**
 * Chance, from 0 to 1, that some unlisted token beats the chosen one, up to which a draw counts as certain.
 * Their noise is known only to who computes it for the whole vocabulary.
 */
const NEGLIGIBLE = 0.01

/**
 * vLLM's sampler: of the survivors, the one with the best sum of tempered logit and noise is drawn. With a
 * change the chosen token rises, every other falls, and one that may be cut is no rival.
 */
export class GumbelCheck implements DrawCheck {
  readonly #ranking: Ranking
  readonly #temperature: number
  readonly #cuts: Cuts
  readonly #truncation: Truncation
  readonly #scores: Float64Array

  constructor(ranking: Ranking, temperature: number, cuts: Cuts, noise: Noise) {
    this.#ranking = ranking
    this.#temperature = temperature
    this.#cuts = cuts
    this.#truncation = new Truncation(ranking, cuts)
    this.#scores = ranking.logits.map(
      (logit, rank) => logit / temperature + noise(ranking.ids[rank] ?? 0),
    )
  }

  isPossible(change: number): boolean {
    const { chosen } = this.#ranking
    const { fewest, most } = this.#truncation.survivors(change)
    if (bestRank(this.#ranking, chosen, change) >= most) return false
    const beaten = (this.#scores[chosen] ?? 0) + (2 * change) / this.#temperature
    return !this.#scores.some(
      (score, rank) => rank !== chosen && score > beaten && this.#survives(rank, fewest, change),
    )
  }

  isCertain(): boolean {
    const { chosen, settled, rest } = this.#ranking
    if (rest.most === 0) return true
    const { fewest, most, mayRest } = this.#truncation.survivors(0)
    if (mayRest && (chosen >= settled || !this.#outdoesRest())) return false
    if (bestRank(this.#ranking, chosen, 0) >= fewest) return false
    const score = this.#scores[chosen] ?? 0
    return this.#scores.every(
      (rival, rank) => rival <= score || bestRank(this.#ranking, rank, 0) >= most,
    )
  }

  #outdoesRest(): boolean {
    const { mostRest } = massesAt(this.#ranking, this.#temperature, this.#cuts.topK)
    const score = this.#scores[this.#ranking.chosen] ?? 0
    return -Math.expm1(-mostRest * Math.exp(-score)) <= NEGLIGIBLE
  }

  /** Whether no change of this size gets a candidate cut. */
  #survives(rank: number, fewest: number, change: number): boolean {
    const { topK, topP, gap } = this.#cuts
    if (topK === Infinity && topP === Infinity && gap === -Infinity) return true
    const { logits, rest } = this.#ranking
    const mayFollowRest = rest.logit >= (logits[rank] ?? 0) - 2 * change
    return !mayFollowRest && worstRank(this.#ranking, rank, change) < fewest
  }
}
