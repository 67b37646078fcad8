import { hash } from 'node:crypto'
import { bundleId, type ApiKeyId } from '@infernet/schemas/ids'
import { readAuthorization } from '@infernet/settlement/l402/authorization'
import { checkCredential, type PaidToken } from '@infernet/settlement/l402/credential'
import { L402Error } from '@infernet/settlement/l402/l402-error'
import type { MasterKeys } from '@infernet/settlement/l402/root-key'
import { forgetOldest } from '@infernet/settlement/forget-oldest'
import { badCredential } from '../l402/l402-errors.ts'
import { MAX_BUNDLE_REQUESTS, MAX_CACHED_BUNDLES } from '../limits.ts'
import { UNLIMITED, type Limits } from '../ports.ts'
import type { Identity } from './identity.ts'

/** Hex digits of an API key's id, in tables and in statements. */
const ID_DIGITS = 16

const LIMITS: Limits = Object.freeze({
  key: UNLIMITED,
  account: Object.freeze({ ...UNLIMITED, maxConcurrent: MAX_BUNDLE_REQUESTS }),
})

/**
 * Checks L402 credentials without asking anybody. What is good stays good, but for its limits, and is
 * remembered by its header's hash, so that a request costs one SHA-256.
 */
export class BundleRing {
  readonly #keys: MasterKeys
  /** By the hash of the header; insertion order is age. */
  readonly #good = new Map<string, Identity>()

  constructor(keys: MasterKeys) {
    this.#keys = keys
  }

  /**
   * Whom an `Authorization` header acts for, or undefined if it has no L402 credential. Whether its
   * limits allow the request is not asked. Throws ApiError 401 for one that is malformed, not ours or
   * not paid for.
   */
  identify(authorization: string): Identity | undefined {
    const name = hash('sha256', authorization, 'hex')
    const known = this.#good.get(name)
    if (known !== undefined) return known
    const identity = this.#read(authorization)
    if (identity !== undefined) this.#remember(name, identity)
    return identity
  }

  #read(authorization: string): Identity | undefined {
    try {
      const credential = readAuthorization(authorization)
      if (credential === undefined) return undefined
      const verdict = checkCredential(this.#keys, credential)
      if (!verdict.ok) throw badCredential(verdict.reason)
      return identityOf(verdict)
    } catch (error) {
      if (error instanceof L402Error) throw badCredential('malformed')
      throw error
    }
  }

  #remember(name: string, identity: Identity): void {
    this.#good.set(name, identity)
    forgetOldest(this.#good, MAX_CACHED_BUNDLES)
  }
}

function identityOf({ paymentHash, tokenId, limits, whole }: PaidToken): Identity {
  return Object.freeze({
    accountId: bundleId(paymentHash),
    // Its beginning names the master key.
    apiKeyId: tokenId.slice(-ID_DIGITS) as ApiKeyId,
    limits: LIMITS,
    bundle: { paymentHash, tokenId, limits, whole },
  })
}
