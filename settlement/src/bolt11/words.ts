/** BOLT 11's data part is a sequence of words: integers of five bits, most significant bit first. */
export type Words = readonly number[]

const WORD_BITS = 5
const WORD_MASK = 31

/** Words of `bytes`, the last one padded with zero bits. */
export function bytesToWords(bytes: Uint8Array): number[] {
  const words: number[] = []
  let buffered = 0
  let bits = 0
  for (const byte of bytes) {
    buffered = (buffered << 8) | byte
    bits += 8
    while (bits >= WORD_BITS) {
      bits -= WORD_BITS
      words.push((buffered >> bits) & WORD_MASK)
    }
    buffered &= (1 << bits) - 1
  }
  if (bits > 0) words.push((buffered << (WORD_BITS - bits)) & WORD_MASK)
  return words
}

/** The whole bytes in `words`; up to seven bits left over are padding and dropped. */
export function wordsToBytes(words: Words): Uint8Array {
  return packWords(words, false)
}

/** The bytes that are signed: bits left over get zero bits up to a whole byte. */
export function wordsToPaddedBytes(words: Words): Uint8Array {
  return packWords(words, true)
}

function packWords(words: Words, keepRest: boolean): Uint8Array {
  const bytes: number[] = []
  let buffered = 0
  let bits = 0
  for (const word of words) {
    buffered = (buffered << WORD_BITS) | word
    bits += WORD_BITS
    if (bits < 8) continue
    bits -= 8
    bytes.push((buffered >> bits) & 0xff)
    buffered &= (1 << bits) - 1
  }
  if (keepRest && bits > 0) bytes.push((buffered << (8 - bits)) & 0xff)
  return Uint8Array.from(bytes)
}

/** A non-negative integer below 2^53 in as few words as it needs, or in exactly `length`. */
export function integerToWords(value: number, length = 1): number[] {
  const words: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 32)) words.unshift(rest % 32)
  while (words.length < length) words.unshift(0)
  return words
}

/** The integer in `words`; not exact above 2^53, so that callers compare with a limit first. */
export function wordsToInteger(words: Words): number {
  return words.reduce((value, word) => value * 32 + word, 0)
}
