import type { Comparator } from './comparator.ts'

/** The ids of a generated text, with the EOS if it ended by one. */
export type Generated = readonly number[]

/** Where two texts part: what they share, and what each put next. Undefined next: it ended, by its limit. */
export interface Divergence {
  readonly prefix: Generated
  readonly one: number | undefined
  readonly other: number | undefined
}

/** Noised score of a token after a prefix by the verifier's own logits, nats; undefined when it has none. */
export type VerifierScore = (prefix: Generated, id: number) => number | undefined

/** Between machines of one class. Start value; to be calibrated per class. */
export const SCORE_NOISE_NATS = 0.25

/** Undefined for equal texts. */
export function firstDivergence(one: Generated, other: Generated): Divergence | undefined {
  const length = Math.max(one.length, other.length)
  for (let at = 0; at < length; at++)
    if (one[at] !== other[at]) return { prefix: one.slice(0, at), one: one[at], other: other[at] }
  return undefined
}

/**
 * Whose token fails where two texts of one seed part. After it they are not comparable, so nothing else counts.
 * `neither`: the verifier's scores are as near as noise, each may be right. `unknown`: one ended without a token,
 * or the verifier has no score.
 */
export function divergenceLoser(
  { prefix, one, other }: Divergence,
  score: VerifierScore,
  noiseNats: number = SCORE_NOISE_NATS,
): 'one' | 'other' | 'neither' | 'unknown' {
  const first = one === undefined ? undefined : score(prefix, one)
  const second = other === undefined ? undefined : score(prefix, other)
  if (first === undefined || second === undefined) return 'unknown'
  const lead = first - second
  if (Math.abs(lead) <= noiseNats) return 'neither'
  return lead < 0 ? 'one' : 'other'
}

/**
 * Generated texts of one seed. Re-scoring one copy is cheaper and says more; this is for where it was done twice
 * anyway. The verifier scores what {@link firstDivergence} names before the comparison.
 */
export const generationComparator = (
  score: VerifierScore,
  noiseNats: number = SCORE_NOISE_NATS,
): Comparator<Generated> => ({
  fault: (ids) =>
    ids.every((id) => Number.isSafeInteger(id) && id >= 0) ? undefined : 'an id that is none',
  compare: (one, other) => {
    const divergence = firstDivergence(one, other)
    if (divergence === undefined) return 'agree'
    const loser = divergenceLoser(divergence, score, noiseNats)
    if (loser === 'unknown') return 'tie'
    return loser === 'neither' ? 'agree' : 'disagree'
  },
})
