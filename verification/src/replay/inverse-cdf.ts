import type { DrawCheck } from './excess.ts'
import { massesAt, type Masses } from './masses.ts'
import { bestRank, type Ranking } from './ranking.ts'
import { oddsRatio, Truncation, type Cuts } from './truncation.ts'

/**
 * llama.cpp's `dist` sampler: the survivors, likeliest first, share the range from 0 to 1 by their tempered
 * probabilities, and the one on whose part `point` falls is drawn.
 *
 * A logit may differ by a change, and so a token's part may begin and end elsewhere, tokens may swap places
 * with it, and others may pass the cuts. Each of these is taken at its most favourable.
 */
export class InverseCdfCheck implements DrawCheck {
  readonly #ranking: Ranking
  readonly #temperature: number
  readonly #point: number
  readonly #truncation: Truncation
  readonly #masses: Masses
  /** Of unlisted tokens, what no cut can take. */
  readonly #leastRest: number

  constructor(ranking: Ranking, temperature: number, cuts: Cuts, point: number) {
    this.#ranking = ranking
    this.#temperature = temperature
    this.#point = point
    this.#truncation = new Truncation(ranking, cuts)
    this.#masses = massesAt(ranking, temperature, cuts.topK)
    const mayCutRest = cuts.topP < 1 || cuts.gap > -Infinity
    this.#leastRest = mayCutRest ? 0 : this.#masses.leastRest
  }

  isPossible(change: number): boolean {
    const { chosen, logits, rest } = this.#ranking
    const { fewest, most, mayRest } = this.#truncation.survivors(change)
    const rank = bestRank(this.#ranking, chosen, change)
    if (rank >= most) return false
    const mostRest = mayRest ? this.#masses.mostRest : 0
    if (this.#start(rank, most, mostRest, change) > this.#point) return false
    const mayFollowRest = mayRest && rest.logit >= (logits[chosen] ?? 0) - 2 * change
    return mayFollowRest || this.#end(fewest, most, this.#leastRest, change) >= this.#point
  }

  isCertain(): boolean {
    const { chosen, settled, rest } = this.#ranking
    if (rest.most === 0) return true
    const { fewest, most, mayRest } = this.#truncation.survivors(0)
    if (mayRest && chosen >= settled) return false
    const rank = bestRank(this.#ranking, chosen, 0)
    if (rank >= fewest) return false
    const mostRest = mayRest ? this.#masses.mostRest : 0
    const start = this.#start(rank, fewest, this.#leastRest, 0)
    return start <= this.#point && this.#point <= this.#end(most, most, mostRest, 0)
  }

  /** How near to 0 the chosen token's part may begin: it is at `rank`, all before are less likely than reported. */
  #start(rank: number, kept: number, rest: number, change: number): number {
    const { chosen } = this.#ranking
    const { first } = this.#masses
    const before = first[rank] ?? 0
    if (before === 0) return 0
    // Those that it overtook are right behind, as likely as it is.
    const level = Math.min(kept, chosen + 1) - rank
    const behind = (first[kept] ?? 0) - (first[Math.min(kept, chosen + 1)] ?? 0)
    const after = level * this.#weight(chosen) + behind + rest
    return before / (before + after * oddsRatio(change, this.#temperature))
  }

  /** How near to 1 it may end: it let others of the `most` pass, and all up to itself are likelier. */
  #end(kept: number, most: number, rest: number, change: number): number {
    const { chosen, logits } = this.#ranking
    const { first } = this.#masses
    if (chosen >= kept) return 1
    const odds = oddsRatio(change, this.#temperature)
    const lowest = (logits[chosen] ?? 0) - 2 * change
    const unlisted = kept === logits.length ? rest : 0
    let end = 0
    for (let rank = chosen; rank < most && (logits[rank] ?? 0) >= lowest; rank++) {
      // It then is as likely as the one that it let pass last.
      const upTo = (first[rank + 1] ?? 0) - this.#weight(chosen) + this.#weight(rank)
      const after = Math.max(0, (first[kept] ?? 0) - (first[rank + 1] ?? 0)) + unlisted
      end = Math.max(end, upTo / (upTo + after / odds))
    }
    return end
  }

  #weight(rank: number): number {
    return Math.exp((this.#ranking.logits[rank] ?? 0) / this.#temperature)
  }
}
