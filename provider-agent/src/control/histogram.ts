/** How often values fell between rising bounds: as small after a million values as after one. */
export interface Histogram {
  /** Rising; what is above the last is counted too. */
  readonly bounds: readonly number[]
  /** One per bound, and one for all above. */
  readonly counts: readonly number[]
  readonly sum: number
}

export const emptyHistogram = (bounds: readonly number[]): Histogram => ({
  bounds,
  counts: [...bounds.map(() => 0), 0],
  sum: 0,
})

/** The same with one value more. */
export function observed(histogram: Histogram, value: number): Histogram {
  const { bounds, counts, sum } = histogram
  const found = bounds.findIndex((bound) => value <= bound)
  const bucket = found < 0 ? bounds.length : found
  return {
    bounds,
    counts: counts.map((count, index) => (index === bucket ? count + 1 : count)),
    sum: sum + value,
  }
}

export const countOf = ({ counts }: Histogram): number => counts.reduce((sum, n) => sum + n, 0)

/**
 * The value that a share of the values (0 to 1) does not exceed, by drawing a line through the bucket
 * that it is in; the last bound for what is above all. Undefined without values.
 */
export function quantileOf(histogram: Histogram, share: number): number | undefined {
  const { bounds, counts } = histogram
  const rank = share * countOf(histogram)
  let below = 0
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const low = bounds[index - 1] ?? 0
      const high = bounds[index] ?? low
      return low + ((high - low) * Math.max(0, rank - below)) / count
    }
    below += count
  }
  return undefined
}
