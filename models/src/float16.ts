/** IEEE 754 half precision in plain arithmetic, for runtimes without `Math.f16round`. */

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

/** The 16 bits of `value` rounded to half precision, ties to even; too large becomes infinity. */
export function toFloat16(value: number): number {
  f32[0] = value
  const bits = u32[0] ?? 0
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 127 + 15
  const fraction = bits & 0x7fffff
  if (exponent === 0x8f) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200)
  if (exponent >= 0x1f) return sign | 0x7c00
  if (exponent >= 1) {
    // A carry out of the fraction moves into the exponent, which is just what rounding up means.
    return sign | ((exponent << 10) + roundShift(fraction, 13))
  }
  if (exponent < -10) return sign
  return sign | roundShift(fraction | 0x800000, 14 - exponent)
}

/** The number that 16 half-precision bits stand for. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** `value >> shift`, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const kept = value >>> shift
  const rest = value & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept
}
