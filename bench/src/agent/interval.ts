/** Two values between which something lies. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * Where the median of what was sampled lies with at least 95 %, whatever its distribution: between two of the
 * sorted values (the sign test). Undefined for fewer than six values, which cannot say.
 */
export function medianInterval(values: readonly number[]): Interval | undefined {
  const sorted = Float64Array.from(values).sort()
  const n = sorted.length
  // The chance that at most `cut` of n values are on one side of the median.
  let chance = 2 ** -n
  let term = chance
  if (2 * chance > 0.05) return undefined
  let cut = 0
  for (;;) {
    term *= (n - cut) / (cut + 1)
    if (2 * (chance + term) > 0.05) break
    chance += term
    cut++
  }
  const [low = Number.NaN, high = Number.NaN] = [sorted[cut], sorted[n - 1 - cut]]
  return { low, high }
}
