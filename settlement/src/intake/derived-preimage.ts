// Preimages that are computed, not drawn: whoever has the key and the row has the preimage, so that a crash
// loses none, and asking the node twice is asking for the same invoice.
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Preimage } from '../lightning/lightning-backend.ts'
import { IntakeError } from './intake-error.ts'

/** Keeps the preimages of one use from ever being those of another, whatever their ids are. */
export type PreimagePurpose =
  | 'topup'
  | 'escrow'
  /** What we send without an invoice. */
  | 'keysend'
  /** An invoice of a provider's own node, by its agent's key and not by ours. */
  | 'agent-payout'

export interface PreimageName {
  readonly purpose: PreimagePurpose
  /** Of the row that it is for. */
  readonly id: string
  /** From 0; another one is another payment hash. */
  readonly attempt: number
}

/** As many bytes as the hash has: less would be guessed sooner than a preimage. */
export const MIN_PREIMAGE_KEY_BYTES = 32
/** The longest of our ids, a job's with its prefix, has less than half. */
export const MAX_PREIMAGE_ID_LENGTH = 128
/** Nobody tries that often; keeps the number exact. */
export const MAX_PREIMAGE_ATTEMPT = 1_000_000

/** No separator may be part of an id, or two names could be one text. */
const ID = /^[A-Za-z0-9_-]+$/

/**
 * HMAC-SHA256(key, `purpose|id|attempt`) in hex. The key is worth all money that is held by hold invoices:
 * who has it can settle them. Throws {@link IntakeError} `bad_derivation`.
 */
export function derivePreimage(key: Uint8Array, { purpose, id, attempt }: PreimageName): Preimage {
  if (key.length < MIN_PREIMAGE_KEY_BYTES)
    throw bad(`a key has at least ${MIN_PREIMAGE_KEY_BYTES} bytes`)
  if (id.length > MAX_PREIMAGE_ID_LENGTH || !ID.test(id))
    throw bad(`an id has 1 to ${MAX_PREIMAGE_ID_LENGTH} letters, digits, '_' and '-'`)
  if (!Number.isInteger(attempt) || attempt < 0 || attempt > MAX_PREIMAGE_ATTEMPT)
    throw bad(`an attempt is a number from 0 to ${MAX_PREIMAGE_ATTEMPT}`)
  return bytesToHex(hmac(sha256, key, utf8ToBytes(`${purpose}|${id}|${attempt}`)))
}

const bad = (message: string) => new IntakeError('bad_derivation', message)
