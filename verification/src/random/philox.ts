const ROUNDS = 10
const MULTIPLIER_0 = 0xd251_1f53
const MULTIPLIER_1 = 0xcd9e_8d57
const KEY_STEP_0 = 0x9e37_79b9
const KEY_STEP_1 = 0xbb67_ae85

/** Four or two words of 32 bits. */
export type Counter = readonly [number, number, number, number]
export type Key = readonly [number, number]

/**
 * Philox4x32 with ten rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"): four words of
 * 32 bits that depend on nothing but counter and key. Triton's `tl.randint4x` is the same function.
 */
export function philox4x32(counter: Counter, key: Key): Counter {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = highProduct(MULTIPLIER_0, c0)
    const high1 = highProduct(MULTIPLIER_1, c2)
    const low0 = Math.imul(MULTIPLIER_0, c0)
    const low1 = Math.imul(MULTIPLIER_1, c2)
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c1 = low1 >>> 0
    c3 = low0 >>> 0
    k0 = (k0 + KEY_STEP_0) >>> 0
    k1 = (k1 + KEY_STEP_1) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** The upper 32 bits of a product of two words, in halves whose products a double holds exactly. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const lower = aLow * bHigh + (middle & 0xffff)
  return aHigh * bHigh + (middle >>> 16) + (lower >>> 16)
}
