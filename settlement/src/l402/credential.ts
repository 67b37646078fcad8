// A credential is a token (a macaroon that names the hash of an invoice) and the preimage that paying the
// invoice reveals. Whether it is good follows from its bytes, the master keys and the clock alone. What is
// left of its bundle does not: that is the balance of `l402:<payment hash>`, credited when our node says
// that the invoice is settled.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { equalBytes } from '../equal-bytes.ts'
import { mintMacaroon, verifyMacaroon, type Macaroon } from '../macaroon/macaroon.ts'
import {
  limitRefusal,
  readLimits,
  SERVICE,
  writeCaveats,
  type CaveatFault,
  type LimitRefusal,
  type Limits,
  type RequestFacts,
} from './caveats.ts'
import { L402Error } from './l402-error.ts'
import type { MasterKeys } from './root-key.ts'
import {
  readTokenIdentifier,
  writeTokenIdentifier,
  type TokenIdentifier,
} from './token-identifier.ts'

export interface Credential {
  readonly macaroon: Macaroon
  /** 32 bytes. */
  readonly preimage: Uint8Array
}

/** What a new token is limited to. It always ends, so that a master key can be retired. */
export interface TokenLimits extends Omit<Limits, 'services'> {
  readonly validUntil: number
}

/** Why a credential is good for nothing. */
export type CredentialFault =
  | 'bad_identifier'
  | 'unknown_key'
  | 'bad_signature'
  | 'bad_preimage'
  | CaveatFault

export type Refusal = CredentialFault | LimitRefusal

/** What a credential that is ours and paid for says. */
export interface PaidToken {
  /** Hex; the bundle's account is `l402:` and this. */
  readonly paymentHash: string
  /** Hex; the same for all that was narrowed from one token. */
  readonly tokenId: string
  readonly limits: Limits
  /** Limited to a service and a time only: nobody has narrowed it, perhaps to hand it on. */
  readonly whole: boolean
}

export type Verdict<Reason = Refusal> =
  | ({ readonly ok: true } & PaidToken)
  | { readonly ok: false; readonly reason: Reason }

/** How long a token may last: how long a master key must be kept after its successor. */
export const MAX_TOKEN_LIFETIME_S = 90 * 24 * 60 * 60

/** The service, and until when. */
const WHOLE_CAVEATS = 2

/**
 * A token for whoever pays the invoice of `paymentHash`. `random`: TOKEN_RANDOM_BYTES fresh random bytes;
 * `now` in Unix milliseconds. Throws {@link L402Error} `bad_identifier` or `bad_limits`.
 */
export function mintToken(
  keys: MasterKeys,
  token: {
    readonly paymentHash: Uint8Array
    readonly random: Uint8Array
    readonly limits: TokenLimits
  },
  now: number,
): Macaroon {
  if (token.limits.validUntil > now / 1000 + MAX_TOKEN_LIFETIME_S)
    throw new L402Error('bad_limits', `A token lasts at most ${MAX_TOKEN_LIFETIME_S} seconds`)
  const caveats = writeCaveats({ ...token.limits, services: [SERVICE] })
  if (!readLimits(caveats).ok) throw new L402Error('bad_limits', 'A limit is malformed')
  const tokenId = keys.tokenId(token.random)
  const identifier = writeTokenIdentifier({ paymentHash: token.paymentHash, tokenId })
  const rootKey = keys.rootKey(tokenId)
  if (rootKey === undefined) throw new L402Error('bad_key', 'The newest master key is missing')
  return mintMacaroon(rootKey, { identifier, caveats })
}

/**
 * Whether a credential is ours and paid for, which never changes. Whether it allows a request is for
 * {@link limitRefusal} to say. Throws nothing.
 */
export function checkCredential(
  keys: MasterKeys,
  { macaroon, preimage }: Credential,
): Verdict<CredentialFault> {
  const identifier = identifierOf(macaroon)
  if (identifier === undefined) return refused('bad_identifier')
  const { paymentHash, tokenId } = identifier
  const rootKey = keys.rootKey(tokenId)
  if (rootKey === undefined) return refused('unknown_key')
  // The caveats are read below, where the order of those of one name counts.
  if (!verifyMacaroon(macaroon, rootKey, () => true)) return refused('bad_signature')
  if (!equalBytes(sha256(preimage), paymentHash)) return refused('bad_preimage')
  const read = readLimits(macaroon.caveats)
  if (!read.ok) return refused(read.reason)
  return {
    ok: true,
    paymentHash: bytesToHex(paymentHash),
    tokenId: bytesToHex(tokenId),
    limits: read.limits,
    whole: macaroon.caveats.length <= WHOLE_CAVEATS,
  }
}

/**
 * Whether a credential is ours, paid for, and allows the request at `now` (Unix milliseconds). Whoever
 * has the bundle's balance must still enforce `limits.budgetMsat`. Throws nothing.
 */
export function verifyCredential(
  keys: MasterKeys,
  credential: Credential,
  facts: RequestFacts,
  now: number,
): Verdict {
  const verdict = checkCredential(keys, credential)
  if (!verdict.ok) return verdict
  const refusal = limitRefusal(verdict.limits, facts, now)
  return refusal === undefined ? verdict : refused(refusal)
}

/** Undefined for a macaroon of somebody else's, or of a version to come. */
function identifierOf({ identifier }: Macaroon): TokenIdentifier | undefined {
  try {
    return readTokenIdentifier(identifier)
  } catch (error) {
    if (error instanceof L402Error) return undefined
    throw error
  }
}

const refused = <Reason extends Refusal>(reason: Reason): Verdict<Reason> => ({ ok: false, reason })
