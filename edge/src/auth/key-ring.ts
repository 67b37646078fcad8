import { timingSafeEqual } from 'node:crypto'
import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { apiKeyId, hashApiKey } from '@infernet/schemas/api-key'
import type { AccountId, ApiKeyId } from '@infernet/schemas/ids'
import { forgetOldest } from '@infernet/settlement/forget-oldest'
import { KEY_TTL_MS, MAX_CACHED_KEYS, UNKNOWN_KEY_TTL_MS } from '../limits.ts'
import type { StoredApiKey, StorePort } from '../ports.ts'
import type { Identity } from './identity.ts'

interface KnownKey extends StoredApiKey {
  readonly identity: Identity
}

interface CachedKey {
  readonly key: KnownKey | undefined
  readonly freshUntil: number
}

/**
 * Checks API keys against Postgres through a bounded cache, so that a request costs one SHA-256.
 * While Postgres is unreachable, keys seen before keep working on their last known row.
 */
export class KeyRing {
  readonly #store: Pick<StorePort, 'findApiKey'>
  readonly #now: () => number
  /** By key id; insertion order is age. */
  readonly #cache = new Map<ApiKeyId, CachedKey>()
  constructor(store: Pick<StorePort, 'findApiKey'>, now: () => number) {
    this.#store = store
    this.#now = now
  }

  /** Throws ApiError 401 for a missing, malformed, unknown, expired or revoked key. */
  async identify(authorization: string | undefined): Promise<Identity> {
    const secret = bearerToken(authorization)
    if (secret === undefined) throw apiErrors.missingKey()
    const id = apiKeyId(secret)
    if (id === undefined) throw apiErrors.badKey()
    const key = await this.#find(id)
    if (key === undefined || !sameText(key.hash, hashApiKey(secret))) throw apiErrors.badKey()
    const now = this.#now()
    if (
      (key.revokedAt !== null && key.revokedAt <= now) ||
      (key.expiresAt !== null && key.expiresAt <= now)
    ) {
      throw apiErrors.badKey()
    }
    return key.identity
  }

  /** Drops what is remembered of a key, for a change that should take effect now. */
  forget(id: ApiKeyId): void {
    this.#cache.delete(id)
  }

  /** The same for all keys of an account. */
  forgetAccount(id: AccountId): void {
    for (const [keyId, { key }] of this.#cache) {
      if (key?.accountId === id) this.#cache.delete(keyId)
    }
  }

  async #find(id: ApiKeyId): Promise<KnownKey | undefined> {
    const cached = this.#cache.get(id)
    if (cached !== undefined && cached.freshUntil > this.#now()) return cached.key
    return this.#load(id, cached)
  }

  async #load(id: ApiKeyId, stale: CachedKey | undefined): Promise<KnownKey | undefined> {
    let key: KnownKey | undefined
    try {
      key = known(id, await this.#store.findApiKey(id))
    } catch (error) {
      if (stale?.key === undefined) throw keysUnavailable(error)
      key = stale.key
    }
    const ttl = key === undefined ? UNKNOWN_KEY_TTL_MS : KEY_TTL_MS
    this.#cache.delete(id)
    this.#cache.set(id, { key, freshUntil: this.#now() + ttl })
    forgetOldest(this.#cache, MAX_CACHED_KEYS)
    return key
  }
}

function known(id: ApiKeyId, key: StoredApiKey | undefined): KnownKey | undefined {
  if (key === undefined) return undefined
  const { accountId, limits } = key
  return { ...key, identity: Object.freeze({ accountId, apiKeyId: id, limits }) }
}

/** Postgres cannot be asked about a key that this process has not seen. */
const keysUnavailable = (cause: unknown): ApiError => {
  const error = new ApiError({
    status: 503,
    type: 'server_error',
    code: 'authentication_unavailable',
    retryAfterMs: UNKNOWN_KEY_TTL_MS,
    message: 'Your API key cannot be checked at the moment. Try again shortly.',
  })
  error.cause = cause
  return error
}

/** The token of an `Authorization: Bearer` header. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > 512) return undefined
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
}

/** Compares in time that depends on the lengths only. */
export function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
