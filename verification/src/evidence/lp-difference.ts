import type { Position } from '@infernet/schemas/transcript'

/** Candidates compared. */
const MOST = 8

export function lpDifferences(
  claimed: readonly Position[],
  scored: readonly Position[],
): Float64Array {
  return Float64Array.from(claimed, ({ top }, i) => differenceOf(top.slice(0, MOST), scored[i]))
}

function differenceOf(claimed: Position['top'], scored: Position | undefined): number {
  const least = scored?.top.at(-1)
  if (scored === undefined || least === undefined || claimed.length < 2) return NaN
  const known = new Map([scored, ...scored.top].map(({ id, logprob }) => [id, logprob]))
  const apart = claimed.map(({ id, logprob }) => logprob - (known.get(id) ?? least.logprob))
  const mean = apart.reduce((sum, one) => sum + one, 0) / apart.length
  return apart.reduce((sum, one) => sum + Math.abs(one - mean), 0) / apart.length
}
