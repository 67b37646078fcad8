/** e4m3: three bits of fraction, and exponents down to 2^-6; below, steps of 2^-9. */
const FRACTION_STEPS = 8
const LEAST_EXPONENT = -6
const LARGEST = 448

/** Weights as an engine with 8-bit floats has them: scaled to the format's range as a whole, and rounded. */
export function roundToFp8(values: Float32Array): Float32Array {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  if (largest === 0) return values
  const scale = largest / LARGEST
  return values.map((value) => scale * nearestFp8(value / scale))
}

function nearestFp8(value: number): number {
  if (value === 0) return 0
  const exponent = Math.max(LEAST_EXPONENT, Math.floor(Math.log2(Math.abs(value))))
  const step = 2 ** exponent / FRACTION_STEPS
  return Math.round(value / step) * step
}
