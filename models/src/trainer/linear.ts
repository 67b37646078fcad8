import { matrix, transposed, type Floats, type Kernel } from './kernel.ts'
import type { Parameter } from './parameters.ts'

/** y = x·Wᵀ for `rows` rows (or y += that). W is stored `[outputs][inputs]`. */
export function linear(
  kernel: Kernel,
  rows: number,
  weight: Parameter,
  x: Floats,
  y: Floats,
  accumulate = false,
): void {
  const [inputs = 1, outputs = 1] = weight.dimensions
  kernel.multiply(
    { m: rows, n: outputs, k: inputs },
    matrix(x, inputs),
    transposed(matrix(weight.values, inputs)),
    matrix(y, outputs),
    { accumulate },
  )
}

/** From y's gradient: adds W's, and sets x's (or adds to it with `accumulate`). */
export function linearBackward(
  kernel: Kernel,
  rows: number,
  weight: Parameter,
  x: Floats,
  yGradient: Floats,
  xGradient: Floats,
  accumulate = false,
): void {
  const [inputs = 1, outputs = 1] = weight.dimensions
  const dy = matrix(yGradient, outputs)
  kernel.multiply(
    { m: rows, n: inputs, k: outputs },
    dy,
    matrix(weight.values, inputs),
    matrix(xGradient, inputs),
    { accumulate },
  )
  kernel.multiply(
    { m: outputs, n: inputs, k: rows },
    transposed(dy),
    matrix(x, inputs),
    matrix(weight.gradient, inputs),
    { accumulate: true },
  )
}
