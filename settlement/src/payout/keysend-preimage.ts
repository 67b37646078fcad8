import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Preimage } from '../lightning/lightning-backend.ts'

/**
 * The preimage of one attempt to pay by keysend: derived, so that after a crash the same attempt is the
 * same payment, and secret, so that nobody on the way can take the money.
 */
export const keysendPreimage = (key: Uint8Array, payout: string, attempt: number): Preimage =>
  bytesToHex(hmac(sha256, key, utf8ToBytes(`keysend|${payout}|${attempt}`)))
