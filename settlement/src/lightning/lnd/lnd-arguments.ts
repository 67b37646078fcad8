// What callers give, checked before it goes to LND: its own answers to nonsense are only words.
import { hexToBytes } from '@noble/hashes/utils.js'
import { LightningError } from '../lightning-error.ts'

const HASH = /^[0-9a-f]{64}$/
const PUBLIC_KEY = /^0[23][0-9a-f]{64}$/
/** LND reads amounts as signed 64-bit integers. */
const MAX_AMOUNT_MSAT = 2n ** 63n - 1n
/** LND reads times and heights as signed 32-bit integers. */
const MAX_INT32 = 2 ** 31 - 1

/** The 32 bytes of a hash or preimage. Throws `LightningError` `invalid`, as do the next ones. */
export function hashBytes(hex: string): Uint8Array {
  if (!HASH.test(hex)) throw invalid('A hash or preimage is 64 digits of lower-case hex')
  return hexToBytes(hex)
}

/** The 33 bytes of a node's public key. */
export function publicKeyBytes(hex: string): Uint8Array {
  if (!PUBLIC_KEY.test(hex)) throw invalid('A public key is 66 digits of lower-case hex')
  return hexToBytes(hex)
}

/** A non-negative amount as LND takes it. */
export function amountText(amountMsat: bigint): string {
  if (amountMsat < 0n || amountMsat > MAX_AMOUNT_MSAT)
    throw invalid(`${amountMsat} msat is not an amount`)
  return String(amountMsat)
}

/** A count of seconds, blocks or parts from 1 up. */
export function count(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > MAX_INT32)
    throw invalid(`${value} is not a positive integer of 32 bits`)
  return value
}

const invalid = (message: string) => new LightningError('invalid', message)
