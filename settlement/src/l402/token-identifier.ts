// What a token's signature begins with, version 0: u16be 0 ‖ payment hash ‖ token id.
// https://github.com/lightninglabs/L402/blob/master/macaroon-spec.md#identifier-structure
import { concatBytes } from '@noble/hashes/utils.js'
import { L402Error } from './l402-error.ts'

export interface TokenIdentifier {
  /** 32 bytes: the token is paid for by the preimage of this. */
  readonly paymentHash: Uint8Array
  /** 32 bytes, another for every token. */
  readonly tokenId: Uint8Array
}

export const PAYMENT_HASH_BYTES = 32
export const TOKEN_ID_BYTES = 32
export const TOKEN_IDENTIFIER_BYTES = 2 + PAYMENT_HASH_BYTES + TOKEN_ID_BYTES

const VERSION = Uint8Array.of(0, 0)

/** The 66 bytes of an identifier. Throws {@link L402Error} `bad_identifier` for parts of another length. */
export function writeTokenIdentifier({ paymentHash, tokenId }: TokenIdentifier): Uint8Array {
  if (paymentHash.length !== PAYMENT_HASH_BYTES)
    throw new L402Error('bad_identifier', `A payment hash has ${PAYMENT_HASH_BYTES} bytes`)
  if (tokenId.length !== TOKEN_ID_BYTES)
    throw new L402Error('bad_identifier', `A token id has ${TOKEN_ID_BYTES} bytes`)
  return concatBytes(VERSION, paymentHash, tokenId)
}

/** Reads an identifier of version 0. Throws {@link L402Error} `bad_identifier` for anything else. */
export function readTokenIdentifier(bytes: Uint8Array): TokenIdentifier {
  if (bytes.length !== TOKEN_IDENTIFIER_BYTES)
    throw new L402Error('bad_identifier', `An identifier has ${TOKEN_IDENTIFIER_BYTES} bytes`)
  if (bytes[0] !== 0 || bytes[1] !== 0)
    throw new L402Error('bad_identifier', 'The identifier is not of version 0')
  const tokenIdAt = VERSION.length + PAYMENT_HASH_BYTES
  return { paymentHash: bytes.slice(VERSION.length, tokenIdAt), tokenId: bytes.slice(tokenIdAt) }
}
