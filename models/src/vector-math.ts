/**
 * The arithmetic of a transformer step on plain arrays. These loops run once per weight and token.
 * Their indices are bounded by the lengths of the arrays they are given, so the non-null
 * assertions state what the loop conditions already guarantee.
 */

/** Cosines and sines of every rotary angle: `[position][pair]`. */
export type Rotations = { readonly cos: Float32Array; readonly sin: Float32Array }

/** Rotary embedding angles for `positions` positions of heads `size` wide. */
export function rotaryTable(base: number, size: number, positions: number): Rotations {
  const pairs = size / 2
  const cos = new Float32Array(positions * pairs)
  const sin = new Float32Array(positions * pairs)
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = position * base ** ((-2 * pair) / size)
      cos[position * pairs + pair] = Math.cos(angle)
      sin[position * pairs + pair] = Math.sin(angle)
    }
  }
  return { cos, sin }
}

/** Rotates pairs (2i, 2i+1) of every head in `vector`: the interleaved form llama.cpp uses. */
export function rotate(
  vector: Float32Array,
  size: number,
  position: number,
  table: Rotations,
): void {
  const pairs = size / 2
  for (let at = 0; at < vector.length; at += size) {
    for (let pair = 0; pair < pairs; pair++) {
      const c = table.cos[position * pairs + pair]!
      const s = table.sin[position * pairs + pair]!
      const a = vector[at + 2 * pair]!
      const b = vector[at + 2 * pair + 1]!
      vector[at + 2 * pair] = a * c - b * s
      vector[at + 2 * pair + 1] = a * s + b * c
    }
  }
}

export function rmsNorm(
  out: Float32Array,
  x: Float32Array,
  weight: Float32Array,
  epsilon: number,
): void {
  let squares = 0
  for (let i = 0; i < x.length; i++) squares += x[i]! * x[i]!
  const scale = 1 / Math.sqrt(squares / x.length + epsilon)
  for (let i = 0; i < x.length; i++) out[i] = x[i]! * scale * weight[i]!
}

/** out = matrix · vector, the matrix `[out.length][vector.length]`. */
export function product(out: Float32Array, matrix: Float32Array, vector: Float32Array): void {
  for (let row = 0; row < out.length; row++) out[row] = dotRow(matrix, row * vector.length, vector)
}

/** out += matrix · vector. */
export function addProduct(out: Float32Array, matrix: Float32Array, vector: Float32Array): void {
  for (let row = 0; row < out.length; row++)
    out[row]! += dotRow(matrix, row * vector.length, vector)
}

/** Dot product with four accumulators: the additions of one need not wait for each other. */
function dotRow(matrix: Float32Array, start: number, vector: Float32Array): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  const whole = vector.length & ~3
  for (let i = 0, at = start; i < whole; i += 4, at += 4) {
    s0 += matrix[at]! * vector[i]!
    s1 += matrix[at + 1]! * vector[i + 1]!
    s2 += matrix[at + 2]! * vector[i + 2]!
    s3 += matrix[at + 3]! * vector[i + 3]!
  }
  for (let i = whole; i < vector.length; i++) s0 += matrix[start + i]! * vector[i]!
  return s0 + s1 + s2 + s3
}
