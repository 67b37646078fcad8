const FACTOR_1 = 0xcc9e_2d51
const FACTOR_2 = 0x1b87_3593
const STEP = 0xe654_6b64

/** MurmurHash3 (x86, 32 bits, seed 0) of words of 32 bits, as their bytes with the lowest first. */
export function murmur3(words: readonly number[]): number {
  let hash = 0
  for (const word of words) {
    const key = Math.imul(rotated(Math.imul(word, FACTOR_1), 15), FACTOR_2)
    hash = (Math.imul(rotated(hash ^ key, 13), 5) + STEP) | 0
  }
  hash ^= 4 * words.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

const rotated = (word: number, by: number): number => (word << by) | (word >>> (32 - by))
