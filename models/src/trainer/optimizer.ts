import type { TrainingModel } from './training-model.ts'

const BETA_1 = 0.9
const BETA_2 = 0.98
const WEIGHT_DECAY = 0.01
/** Gradients are scaled down to this norm: one odd batch must not throw the weights far. */
const MAX_GRADIENT_NORM = 1

/** Learning rate at `step` of `steps`: linear warm-up, then half a cosine down to a twentieth. */
export function learningRate(step: number, steps: number, peak: number, warmup: number): number {
  const cosine = 0.5 * (1 + Math.cos((Math.PI * step) / steps))
  return peak * Math.min(1, step / warmup) * (0.05 + 0.95 * cosine)
}

/**
 * One AdamW update with the gradients of the last backward pass. `step` counts from 1. Norm
 * weights do not decay. Returns the gradient norm before clipping.
 */
export function updateWeights(model: TrainingModel, step: number, rate: number): number {
  let squares = 0
  for (const { gradient } of model.parameters.values()) {
    squares += model.kernel.sumSquares(gradient)
  }
  const norm = Math.sqrt(squares)
  for (const { values, gradient, mean, square, dimensions } of model.parameters.values()) {
    model.kernel.adamW(
      { parameters: values, gradients: gradient, mean, square },
      {
        rate,
        decay: dimensions.length > 1 ? WEIGHT_DECAY : 0,
        beta1: BETA_1,
        beta2: BETA_2,
        correction1: 1 / (1 - BETA_1 ** step),
        correction2: 1 / (1 - BETA_2 ** step),
        clip: Math.min(1, MAX_GRADIENT_NORM / norm),
      },
    )
  }
  return norm
}
