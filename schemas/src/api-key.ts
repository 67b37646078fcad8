import { hash, randomBytes } from 'node:crypto'
import type { ApiKeyId } from './ids.ts'

/**
 * An API key is `sk-inf-<id>-<secret>`: the id finds the row, the secret's 256 bits prove possession.
 * Only {@link hashApiKey} of the whole text is stored.
 */
export interface NewApiKey {
  readonly id: ApiKeyId
  /** Shown once to its owner, never stored. */
  readonly secret: string
  readonly hash: string
}

const PATTERN = /^sk-inf-([0-9a-f]{16})-[A-Za-z0-9_-]{43}$/

/** A fresh id and a fresh secret, from the system's randomness. */
export function newApiKey(): NewApiKey {
  const id = randomBytes(8).toString('hex') as ApiKeyId
  const secret = `sk-inf-${id}-${randomBytes(32).toString('base64url')}`
  return { id, secret, hash: hashApiKey(secret) }
}

/** The id inside a well-formed key, or undefined for any other text, which need not be hashed. */
export function apiKeyId(key: string): ApiKeyId | undefined {
  return PATTERN.exec(key)?.[1] as ApiKeyId | undefined
}

/** SHA-256 in hex. A fast hash is right here: the secret is 256 random bits, not a password. */
export const hashApiKey = (key: string): string => hash('sha256', key, 'hex')
