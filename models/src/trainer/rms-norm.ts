import type { Floats } from './kernel.ts'
import type { Parameter } from './parameters.ts'

/** y = x / rms(x) × weight, for each of `rows` rows; `inverse` keeps 1 / rms for the way back. */
export function rmsNorm(
  rows: number,
  weight: Parameter,
  epsilon: number,
  x: Floats,
  inverse: Floats,
  y: Floats,
): void {
  const w = weight.values
  const width = w.length
  for (let row = 0, at = 0; row < rows; row++, at += width) {
    let squares = 0
    for (let i = 0; i < width; i++) squares += x[at + i]! * x[at + i]!
    const scale = 1 / Math.sqrt(squares / width + epsilon)
    inverse[row] = scale
    for (let i = 0; i < width; i++) y[at + i] = x[at + i]! * scale * w[i]!
  }
}

/** From y's gradient: adds weight's and x's. */
export function rmsNormBackward(
  rows: number,
  weight: Parameter,
  x: Floats,
  inverse: Floats,
  yGradient: Floats,
  xGradient: Floats,
): void {
  const w = weight.values
  const dw = weight.gradient
  const width = w.length
  for (let row = 0, at = 0; row < rows; row++, at += width) {
    const scale = inverse[row]!
    let dot = 0
    for (let i = 0; i < width; i++) {
      const product = yGradient[at + i]! * x[at + i]!
      dot += product * w[i]!
      dw[i]! += product * scale
    }
    const shrink = (dot * scale ** 3) / width
    for (let i = 0; i < width; i++) {
      xGradient[at + i]! += yGradient[at + i]! * w[i]! * scale - x[at + i]! * shrink
    }
  }
}
