/** Somebody who can be given work. */
export interface Taker {
  /** How much it is preferred; see `score`. */
  readonly weight: number
  /** The most jobs that it can or may do. */
  readonly most: number
}

/** ε: work that goes to anybody, or nobody new would ever be tried. */
const EXPLORATION = 0.05
/** What one taker cannot do goes to the others, as often; what is left then is not done. */
const ROUNDS = 4

/** How many jobs each taker gets, in their order: by weight, and never more than it can do. */
export function shareOutDemand(demand: number, takers: readonly Taker[]): number[] {
  const given = takers.map(() => 0)
  if (takers.length === 0) return given
  give(given, takers, demand * EXPLORATION, () => 1)
  for (let round = 0; round < ROUNDS; round++) {
    const left = demand - given.reduce((sum, jobs) => sum + jobs, 0)
    give(given, takers, left, ({ weight }) => weight)
  }
  return given
}

function give(
  given: number[],
  takers: readonly Taker[],
  jobs: number,
  weightOf: (taker: Taker) => number,
): void {
  const weights = takers.map((taker, i) => (given[i]! < taker.most ? weightOf(taker) : 0))
  const whole = weights.reduce((sum, weight) => sum + weight, 0)
  if (whole <= 0) return
  takers.forEach((taker, i) => {
    const share = Math.floor((jobs * weights[i]!) / whole)
    given[i] = Math.min(Math.floor(taker.most), given[i]! + share)
  })
}
