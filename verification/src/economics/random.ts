/** A source of numbers in [0, 1). */
export type Random = () => number

/** Mulberry32: 32 bits of state, good enough to simulate with, the same everywhere for a seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A draw from the normal distribution with mean 0 and deviation 1, by Box and Muller. */
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** How many of `n` are passed over before the next one that is taken at `rate`: Infinity at rate 0. */
export function skipped(random: Random, rate: number): number {
  if (rate >= 1) return 0
  if (rate <= 0) return Infinity
  return Math.floor(Math.log(1 - random()) / Math.log1p(-rate))
}

/** `value` rounded up or down so that it is right on average. */
export const roundedAtRandom = (random: Random, value: number): number =>
  Math.floor(value + random())
