import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { wordsToPaddedBytes, type Words } from './words.ts'

/** What a payee signs: SHA-256 of the human-readable part and the data without the signature. */
export function signingHash(prefix: string, words: Words): Uint8Array {
  return sha256(concatBytes(utf8ToBytes(prefix), wordsToPaddedBytes(words)))
}
