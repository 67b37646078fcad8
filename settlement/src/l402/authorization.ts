// How a client shows a credential in `Authorization`:
//   L402 <macaroon, base64>:<preimage, hex>       the specification's, also under its old name LSAT
//   Bearer l402_<macaroon, base64url>.<preimage>  for OpenAI's SDKs, which can set an API key only
import { parseMacaroon, serializeMacaroon } from '../macaroon/macaroon-binary.ts'
import { MacaroonError } from '../macaroon/macaroon-error.ts'
import type { Macaroon } from '../macaroon/macaroon.ts'
import type { Credential } from './credential.ts'
import { L402Error } from './l402-error.ts'

/** Our own have some 350; the rest is for who narrows them. */
export const MAX_TOKEN_BYTES = 2048
/** Aperture's client sends LSAT and L402 at once, which some hosts join: twice the longest of them. */
export const MAX_AUTHORIZATION_LENGTH = 6 * 1024

const API_KEY_PREFIX = 'l402_'
const CLAIMS_L402 = /^(?:(?:L402|LSAT) |Bearer +l402_)/i
// Without the flag `i`, because a repeated macaroon must be the same to the letter.
const L402 =
  /^(?:[Ll]402|[Ll][Ss][Aa][Tt]) +([A-Za-z0-9+/]+={0,2}):([0-9A-Fa-f]{64})(?:, *(?:L402|LSAT) +\1:\2)? *$/
const BEARER = /^Bearer +l402_([A-Za-z0-9_-]+)\.([0-9a-f]{64}) *$/i

/**
 * The credential of an `Authorization` header, or undefined if the header has none of L402's. Says
 * nothing about whether it is good. Throws {@link L402Error} `too_long` or `malformed`, nothing else.
 */
export function readAuthorization(authorization: string): Credential | undefined {
  if (!CLAIMS_L402.test(authorization)) return undefined
  if (authorization.length > MAX_AUTHORIZATION_LENGTH)
    throw new L402Error('too_long', `It has more than ${MAX_AUTHORIZATION_LENGTH} characters`)
  const header = L402.exec(authorization)
  const [, token, preimage] = header ?? BEARER.exec(authorization) ?? []
  if (token === undefined || preimage === undefined)
    throw new L402Error('malformed', 'It is not one macaroon and a preimage of 32 bytes in hex')
  return {
    macaroon: macaroonIn(token, header === null ? 'base64url' : 'base64'),
    preimage: new Uint8Array(Buffer.from(preimage, 'hex')),
  }
}

/** The value of `Authorization` for a client that speaks L402. */
export function writeAuthorization({ macaroon, preimage }: Credential): string {
  const token = Buffer.from(serializeMacaroon(macaroon)).toString('base64')
  return `L402 ${token}:${Buffer.from(preimage).toString('hex')}`
}

/** The credential as an API key, for a client that knows nothing of L402. */
export function writeApiKey({ macaroon, preimage }: Credential): string {
  const token = Buffer.from(serializeMacaroon(macaroon)).toString('base64url')
  return `${API_KEY_PREFIX}${token}.${Buffer.from(preimage).toString('hex')}`
}

function macaroonIn(token: string, encoding: 'base64' | 'base64url'): Macaroon {
  const bytes = Buffer.from(token, encoding)
  if (bytes.length > MAX_TOKEN_BYTES)
    throw new L402Error('too_long', `Its macaroon has more than ${MAX_TOKEN_BYTES} bytes`)
  // Node skips what is not base64; only what comes out again as it went in is.
  if (bytes.toString(encoding) !== token)
    throw new L402Error('malformed', `Its macaroon is not ${encoding}`)
  try {
    return parseMacaroon(new Uint8Array(bytes))
  } catch (cause) {
    if (!(cause instanceof MacaroonError)) throw cause
    const code = cause.code === 'too_long' ? 'too_long' : 'malformed'
    throw new L402Error(code, `Its macaroon is refused: ${cause.message}`, { cause })
  }
}
