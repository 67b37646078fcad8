import type { Position } from '@infernet/schemas/transcript'

/**
 * For each token of an answer, in nats, how far the claimed logprobs of its candidates are from the ones that a
 * verifier computed.
 *
 * With d = claimed - scored over the n candidates that the claim lists, it is √Σ(d - mean d)² / (n-1)^¼. The
 * mean is taken off because an engine may report only what its cuts have left, normalised anew: that moves all
 * logprobs of a place by the same. A candidate that the verifier does not list counts as if it had the last
 * listed one's logprob, as it has at most that.
 *
 * NaN where fewer than two candidates are claimed, or the verifier has nothing: one alone has only its normaliser.
 *
 * Noise on logits does not care how likely a token is, so no candidate weighs more than another, and all that
 * are claimed count. The root mean square would vary most where few are listed, and those places would take the
 * thresholds from all others; the plain norm has the same fault the other way round; this lies between. Tokens
 * until weights in q8_0 are found, in half and in nine of ten cases, with noise of 0.03 nats (60 answers of a toy
 * model, 150 honest ones learnt from; bench/README.md), by 20 raw candidates / by those that llama.cpp's cuts left:
 *
 *     this                              5,  9    22,  37
 *     √Σ(d - mean)²                     5,  9    35,  71
 *     root mean square                  5,  9    38,  67
 *     mean |d - mean|                   7, 13    26,  49
 *     this, first 8                    10, 23    23,  47
 *     mean |d - mean|, first 8         14, 43    34,  58
 *     that, weighted by √p             57, 99    38,  67
 *     that, weighted by p             830,  –    87, 193
 */
export function lpDifferences(
  claimed: readonly Position[],
  scored: readonly Position[],
): Float64Array {
  return Float64Array.from(claimed, ({ top }, i) => differenceOf(top, scored[i]))
}

function differenceOf(claimed: Position['top'], scored: Position | undefined): number {
  const least = scored?.top.at(-1)
  if (scored === undefined || least === undefined || claimed.length < 2) return NaN
  const known = new Map([scored, ...scored.top].map(({ id, logprob }) => [id, logprob]))
  const apart = claimed.map(({ id, logprob }) => logprob - (known.get(id) ?? least.logprob))
  const mean = apart.reduce((sum, one) => sum + one, 0) / apart.length
  const squares = apart.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  return Math.sqrt(squares) / (apart.length - 1) ** 0.25
}
