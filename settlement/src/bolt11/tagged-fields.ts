import { Bolt11Error } from './bolt11-error.ts'
import { bytesToWords, integerToWords, wordsToBytes, wordsToInteger, type Words } from './words.ts'

/** Types of BOLT 11's tagged fields that are read or written here; all others are skipped. */
export const TAG = {
  paymentHash: 1,
  features: 5,
  expiry: 6,
  description: 13,
  paymentSecret: 16,
  payee: 19,
  descriptionHash: 23,
  minFinalCltv: 24,
  metadata: 27,
} as const

/** The length is a number of ten bits. */
export const MAX_FIELD_WORDS = 1023
/** Whole bytes that fit {@link MAX_FIELD_WORDS}. */
export const MAX_FIELD_BYTES = 639
const HEADER_WORDS = 3
const WORDS_OF_32_BYTES = 52
const WORDS_OF_33_BYTES = 53

export interface TaggedField {
  readonly tag: number
  readonly words: Words
}

/** Takes the fields apart. Throws when the last one is cut off. */
export function splitFields(words: Words): TaggedField[] {
  const fields: TaggedField[] = []
  for (let at = 0; at < words.length;) {
    const [tag, high, low] = words.slice(at, at + HEADER_WORDS)
    if (tag === undefined || high === undefined || low === undefined)
      throw new Bolt11Error('field', 'A field is cut off')
    const begin = at + HEADER_WORDS
    at = begin + high * 32 + low
    if (at > words.length) throw new Bolt11Error('field', 'A field is cut off')
    fields.push({ tag, words: words.slice(begin, at) })
  }
  return fields
}

/** One field with its header. */
export function taggedField(tag: number, words: Words): number[] {
  if (words.length > MAX_FIELD_WORDS)
    throw new Bolt11Error('field', `Field ${tag} is longer than ${MAX_FIELD_WORDS} words`)
  return [tag, ...integerToWords(words.length, 2), ...words]
}

export const bytesField = (tag: number, bytes: Uint8Array): number[] =>
  taggedField(tag, bytesToWords(bytes))

export const integerField = (tag: number, value: number): number[] =>
  taggedField(tag, integerToWords(value))

/**
 * The first 32-byte field of a kind. One of another length counts as absent: the text of BOLT 11
 * would have it refused, its test vectors (and LND) have it ignored.
 */
export function bytes32(fields: readonly TaggedField[], tag: number): Uint8Array | undefined {
  const found = fields.find(
    (field) => field.tag === tag && field.words.length === WORDS_OF_32_BYTES,
  )
  return found && wordsToBytes(found.words)
}

/** As {@link bytes32}, for a compressed public key. */
export function bytes33(fields: readonly TaggedField[], tag: number): Uint8Array | undefined {
  const found = fields.find(
    (field) => field.tag === tag && field.words.length === WORDS_OF_33_BYTES,
  )
  return found && wordsToBytes(found.words)
}

/** The first field of a kind, of whatever length. */
export function anyField(fields: readonly TaggedField[], tag: number): Words | undefined {
  return fields.find((field) => field.tag === tag)?.words
}

/** The first integer field of a kind. Throws when it starts with zeros or exceeds `max`. */
export function boundedInteger(
  fields: readonly TaggedField[],
  tag: number,
  max: number,
): number | undefined {
  const words = anyField(fields, tag)
  if (words === undefined) return undefined
  const value = wordsToInteger(words)
  if (words[0] === 0 && words.length > 1)
    throw new Bolt11Error('field', `Field ${tag} starts with zeros`)
  if (value > max) throw new Bolt11Error('field', `Field ${tag} is above ${max}`)
  return value
}
