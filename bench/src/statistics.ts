/**
 * The nearest-rank percentile of `values` (any order, left unchanged): the smallest value that at
 * least `fraction` of them do not exceed. Undefined for no values.
 */
export function percentile(values: readonly number[], fraction: number): number | undefined {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)]
}

/** The middle value, or the mean of the two middle ones. Undefined for no values. */
export function median(values: readonly number[]): number | undefined {
  const sorted = Float64Array.from(values).sort()
  const upper = sorted[sorted.length >> 1]
  const lower = sorted[(sorted.length - 1) >> 1]
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2
}
