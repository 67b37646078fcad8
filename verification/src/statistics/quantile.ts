/**
 * The empirical quantile: the least of the values that a share of at least `probability` does not
 * exceed. Always one of the values, so that bounds for order statistics apply to it.
 */
export function quantile(ascending: readonly number[], probability: number): number {
  const rank = Math.ceil(probability * ascending.length)
  const index = Math.min(Math.max(rank, 1), ascending.length) - 1
  const value = ascending[index]
  if (value === undefined) throw new RangeError('no values have no quantile')
  return value
}
