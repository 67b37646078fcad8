// Macaroons (https://research.google/pubs/pub41892/) with first-party caveats only: a bearer token that
// its holder can narrow, and that is checked with the root key alone.
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { equalBytes } from '../equal-bytes.ts'
import { MacaroonError } from './macaroon-error.ts'

export interface Macaroon {
  /** A hint for people; not covered by the signature. */
  readonly location: string | undefined
  readonly identifier: Uint8Array
  readonly caveats: readonly string[]
  /** 32 bytes. */
  readonly signature: Uint8Array
}

/** Each caveat costs the verifier an HMAC. LND's own macaroons have at most a handful. */
export const MAX_CAVEATS = 32
/** Room for an L402 identifier (66 bytes) and LND's (tens to hundreds, with its permissions). */
export const MAX_IDENTIFIER_BYTES = 1024
export const MAX_CAVEAT_BYTES = 512
export const MAX_LOCATION_BYTES = 256

/** Every implementation derives the first key this way, so that any root key will do. */
const KEY_GENERATOR = utf8ToBytes('macaroons-key-generator')

/** Makes a macaroon that only the holder of `rootKey` can make. Throws {@link MacaroonError} at limits. */
export function mintMacaroon(
  rootKey: Uint8Array,
  content: { identifier: Uint8Array; caveats?: readonly string[]; location?: string },
): Macaroon {
  if (content.identifier.length > MAX_IDENTIFIER_BYTES)
    throw new MacaroonError('too_long', `An identifier has at most ${MAX_IDENTIFIER_BYTES} bytes`)
  if (utf8ToBytes(content.location ?? '').length > MAX_LOCATION_BYTES)
    throw new MacaroonError('too_long', `A location has at most ${MAX_LOCATION_BYTES} bytes`)
  const bare: Macaroon = {
    location: content.location,
    identifier: content.identifier,
    caveats: [],
    signature: firstSignature(rootKey, content.identifier),
  }
  return (content.caveats ?? []).reduce(attenuate, bare)
}

/** A macaroon that allows what `macaroon` does if `caveat` holds too. Needs no key. */
export function attenuate(macaroon: Macaroon, caveat: string): Macaroon {
  if (macaroon.caveats.length >= MAX_CAVEATS)
    throw new MacaroonError('too_long', `A macaroon has at most ${MAX_CAVEATS} caveats`)
  const bytes = utf8ToBytes(caveat)
  if (bytes.length > MAX_CAVEAT_BYTES)
    throw new MacaroonError('too_long', `A caveat has at most ${MAX_CAVEAT_BYTES} bytes`)
  return {
    ...macaroon,
    caveats: [...macaroon.caveats, caveat],
    signature: hmac(sha256, macaroon.signature, bytes),
  }
}

/**
 * Whether `rootKey` made this macaroon and `holds` says so of every caveat. A caveat that `holds` does
 * not know must be false, or a holder could not rely on it.
 */
export function verifyMacaroon(
  macaroon: Macaroon,
  rootKey: Uint8Array,
  holds: (caveat: string) => boolean,
): boolean {
  const signature = macaroon.caveats.reduce(
    (key, caveat) => hmac(sha256, key, utf8ToBytes(caveat)),
    firstSignature(rootKey, macaroon.identifier),
  )
  return equalBytes(signature, macaroon.signature) && macaroon.caveats.every(holds)
}

const firstSignature = (rootKey: Uint8Array, identifier: Uint8Array): Uint8Array =>
  hmac(sha256, hmac(sha256, KEY_GENERATOR, rootKey), identifier)
