import { clopperPearsonUpper } from './binomial-bounds.ts'

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

/**
 * The least of the values that further ones like them exceed with a chance of at most `rate`, with so much
 * `confidence`. Undefined where there are too few values for any to be sure: at 95 % it takes 299 for a rate of 1 %, and
 * 2,995 for one of 0.1 %. The plain quantile is exceeded more often than it says about every second time.
 */
export function sureQuantile(
  ascending: readonly number[],
  rate: number,
  confidence: number,
): number | undefined {
  const count = ascending.length
  let beyond = -1
  while (beyond + 1 < count && clopperPearsonUpper(beyond + 1, count, confidence) <= rate) beyond++
  return beyond < 0 ? undefined : ascending[count - 1 - beyond]
}
