import type { Comparator } from './comparator.ts'

/** The vectors of one task, in the order of its inputs. */
export type Embeddings = readonly (readonly number[])[]

export interface EmbeddingTolerance {
  /** Every vector must be as near as this. */
  readonly minCosine: number
  /** Largest by smallest norm, less 1. Cosines do not see scale. */
  readonly maxNormRatio: number
}

/** Between machines of one class and one quantisation. To be calibrated per class. */
export const SAME_QUANT: EmbeddingTolerance = { minCosine: 1 - 1e-3, maxNormRatio: 1e-2 }

/** Squared norms below this lose their digits; no model's vectors are so short. */
const LEAST_SQUARE = 1e-100

/**
 * Compares vectors by cosine and norm, input by input: all agree or the results do not. Without `dimensions`, a
 * result's vectors must have as many as each other.
 */
export function embeddingComparator(
  dimensions: number | undefined,
  tolerance: EmbeddingTolerance = SAME_QUANT,
): Comparator<Embeddings> {
  return {
    fault: (vectors) => {
      const [first] = vectors
      if (first === undefined) return 'no vectors'
      const wanted = dimensions ?? first.length
      if (vectors.some(({ length }) => length !== wanted))
        return `a vector that has not ${wanted} dimensions`
      const norms = vectors.map((vector) => dot(vector, vector))
      return norms.every((norm) => Number.isFinite(norm) && norm >= LEAST_SQUARE)
        ? undefined
        : 'a vector without a norm'
    },
    compare: (one, other) =>
      one.length === other.length &&
      one.every((vector, i) => isNear(vector, other[i] ?? [], tolerance))
        ? 'agree'
        : 'disagree',
  }
}

/**
 * 1 less the cosine of the two vectors that are farthest apart, from 0 to 2; undefined for results that cannot be
 * compared input by input.
 */
export function cosineDistance(one: Embeddings, other: Embeddings): number | undefined {
  const isSameShape =
    one.length === other.length && one.every(({ length }, i) => length === other[i]?.length)
  if (!isSameShape || one.length === 0) return undefined
  return Math.max(...one.map((vector, i) => 1 - togetherOf(vector, other[i] ?? []).cosine))
}

function isNear(one: readonly number[], other: readonly number[], tolerance: EmbeddingTolerance) {
  if (one.length !== other.length) return false
  const { cosine, normRatio } = togetherOf(one, other)
  return normRatio <= 1 + tolerance.maxNormRatio && cosine >= tolerance.minCosine
}

function togetherOf(one: readonly number[], other: readonly number[]) {
  const norms = [Math.sqrt(dot(one, one)), Math.sqrt(dot(other, other))]
  const [smaller, larger] = [Math.min(...norms), Math.max(...norms)]
  // In this order whichever comes first: the last bit must not depend on it.
  return { cosine: dot(one, other) / larger / smaller, normRatio: larger / smaller }
}

const dot = (one: readonly number[], other: readonly number[]): number =>
  one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0)
