import { FEATURE_DIMENSIONS, type Features } from './feature-hash.ts'

const EPOCHS = 8
const STEP = 0.2
/** Pulls each weight that is touched towards 0, so that chance is not learnt by heart. */
const DECAY = 1e-3

export interface LabelledFeatures {
  readonly features: Features
  readonly positive: boolean
}

/** A score that is higher, the likelier the features are a positive's. */
export type Score = (features: Features) => number

/** Trains by stochastic gradient with a step for each weight (Adagrad). Both kinds weigh the same. */
export function trainLogistic(examples: readonly LabelledFeatures[], random: () => number): Score {
  const weights = new Float64Array(FEATURE_DIMENSIONS)
  const squares = new Float64Array(FEATURE_DIMENSIONS).fill(1)
  const score: Score = (features) => {
    let sum = 0
    for (const [index, value] of features) sum += (weights[index] ?? 0) * value
    return sum
  }
  const positives = examples.filter(({ positive }) => positive).length
  const importance = (positive: boolean) =>
    examples.length / 2 / Math.max(1, positive ? positives : examples.length - positives)

  for (let epoch = 0; epoch < EPOCHS; epoch++)
    for (const { features, positive } of shuffled(examples, random)) {
      const expected = 1 / (1 + Math.exp(-score(features)))
      const error = importance(positive) * (expected - (positive ? 1 : 0))
      for (const [index, value] of features) {
        const weight = weights[index] ?? 0
        const gradient = error * value + DECAY * weight
        const square = (squares[index] ?? 1) + gradient * gradient
        squares[index] = square
        weights[index] = weight - (STEP * gradient) / Math.sqrt(square)
      }
    }
  return score
}

/** In random order (Fisher and Yates). */
export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const [one, other] = [result[i], result[j]]
    if (one !== undefined && other !== undefined) [result[i], result[j]] = [other, one]
  }
  return result
}
