import type { Random } from '@infernet/verification/economics/random'
import { quantile } from '@infernet/verification/statistics/quantile'

/** Where chance comes from, and how often something is tried. */
export interface Chance {
  readonly random: Random
  readonly tries: number
}

/** How much it takes in half and in nine of ten cases; Infinity: more than was made. */
export interface Needed {
  readonly median: number
  readonly ninetieth: number
}

export function neededOf(counts: readonly number[]): Needed {
  const ascending = counts.toSorted((a, b) => a - b)
  return { median: quantile(ascending, 0.5), ninetieth: quantile(ascending, 0.9) }
}

export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const copy = [...list]
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[copy[i], copy[j]] = [copy[j] as T, copy[i] as T]
  }
  return copy
}
