import { Bolt11Error } from './bolt11-error.ts'
import { MAX_FIELD_WORDS } from './tagged-fields.ts'
import type { Words } from './words.ts'

/** BOLT 9's bits that an invoice may require: the even ones of those that we, or LND for us, can do. */
const KNOWN_REQUIRED: ReadonlySet<number> = new Set([8, 14, 16, 24, 36, 48])

/** The last bit that fits a field. */
const MAX_BIT = MAX_FIELD_WORDS * 5 - 1

/** Which pair (by its even bit) needs which other pair. */
const DEPENDENCIES: readonly (readonly [feature: number, needs: number])[] = [
  [14, 8],
  [16, 14],
]

/** var_onion_optin and payment_secret required, basic_mpp offered: what LND writes. */
export const DEFAULT_FEATURES: readonly number[] = [8, 14, 17]

/** The set bits of a `9` field, ascending. Throws when it starts with a zero word. */
export function wordsToFeatures(words: Words): number[] {
  if (words[0] === 0) throw new Bolt11Error('field', 'The feature bits start with zeros')
  const bits: number[] = []
  for (const [index, word] of words.toReversed().entries())
    for (let bit = 0; bit < 5; bit++) if ((word >> bit) & 1) bits.push(index * 5 + bit)
  return bits
}

/** The shortest `9` field with these bits; empty when there are none. */
export function featuresToWords(bits: readonly number[]): number[] {
  const length = bits.length === 0 ? 0 : Math.floor(Math.max(...bits) / 5) + 1
  const words = Array.from({ length }, () => 0)
  for (const bit of bits) {
    const index = length - 1 - Math.floor(bit / 5)
    words[index] = (words[index] ?? 0) | (1 << (bit % 5))
  }
  return words
}

/** Throws when an invoice requires what nobody here knows, or lacks what its own bits need. */
export function assertPayable(bits: readonly number[]): void {
  const impossible = bits.find((bit) => !Number.isInteger(bit) || bit < 0 || bit > MAX_BIT)
  if (impossible !== undefined)
    throw new Bolt11Error('feature', `There is no feature bit ${impossible}`)
  const unknown = bits.find((bit) => bit % 2 === 0 && !KNOWN_REQUIRED.has(bit))
  if (unknown !== undefined)
    throw new Bolt11Error('feature', `It requires feature ${unknown}, which is not known here`)
  const has = (even: number) => bits.includes(even) || bits.includes(even + 1)
  for (const [feature, needs] of DEPENDENCIES)
    if (has(feature) && !has(needs))
      throw new Bolt11Error('feature', `It has feature ${feature} without feature ${needs}`)
}
