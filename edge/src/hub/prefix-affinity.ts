import type { JobOrder } from '../ports.ts'
import { forgetOldest } from './oldest-first.ts'

/**
 * Lengths of a request's beginning that are remembered, in bytes. A conversation grows at its end, so
 * that its next turn begins with what the last one began with. Shorter ones are read in no time.
 */
const PREFIX_BYTES = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536] as const
/**
 * Beyond the first length only so many bytes at the end of each are looked at, so that a long prompt
 * costs under a microsecond: two that agree in all these places are the same.
 */
const WINDOW_BYTES = 128
/** Beginnings that are remembered, of 4,000 requests or more: about 3 MB. */
export const MAX_PREFIXES = 32_768
/** Providers whose caches are told apart: of more that ever served, the first cannot lose theirs. */
const MAX_CACHES = 32_768

/** A provider's cache, until it is lost. */
interface Cache {
  readonly peer: string
  /** As the provider names it; undefined until it does. */
  since: number | undefined
  isLost: boolean
}

/** FNV-1a's basis and prime, in 32 bits. */
const BASIS = 0x811c9dc5
const PRIME = 0x01000193

/**
 * Who answered a prompt with the same beginning last: its engine most likely still has that beginning
 * in its cache. Per account, so that nobody learns or steers where another's prompts go. A guess: a
 * collision costs a cache miss and nothing else. Only providers that lost what they had cached say so.
 */
export class PrefixAffinity {
  /** Where a beginning is; insertion order is age. */
  readonly #places = new Map<number, Cache>()
  /** By peer; insertion order is age. */
  readonly #caches = new Map<string, Cache>()

  get size(): number {
    return this.#places.size
  }

  /** The peer that knows the longest beginning of this request. */
  find(order: JobOrder): string | undefined {
    if (this.#places.size === 0) return undefined
    let known: string | undefined
    // A longer beginning that is known came with all the shorter ones, but those may have moved on.
    for (const key of keysOf(order)) {
      const place = this.#places.get(key)
      if (place !== undefined && !place.isLost) known = place.peer
    }
    return known
  }

  /** `peer` answers this request. */
  served(order: JobOrder, peer: string): void {
    const keys = keysOf(order)
    if (keys.length === 0) return
    const cache = this.#cacheOf(peer)
    for (const key of keys) {
      this.#places.delete(key)
      this.#places.set(key, cache)
    }
    forgetOldest(this.#places, MAX_PREFIXES)
  }

  /** The peer says since when it has its cache: what was in an older one is forgotten. */
  cachedSince(peer: string, since: number): void {
    const cache = this.#cacheOf(peer)
    if (cache.since !== undefined && cache.since !== since) {
      cache.isLost = true
      this.#caches.delete(peer)
      this.#cacheOf(peer).since = since
    } else cache.since = since
  }

  #cacheOf(peer: string): Cache {
    let cache = this.#caches.get(peer)
    if (cache === undefined) {
      cache = { peer, since: undefined, isLost: false }
      this.#caches.set(peer, cache)
      forgetOldest(this.#caches, MAX_CACHES)
    }
    return cache
  }
}

/** A key for each remembered length that the request has, shortest first; none for a short request. */
function keysOf({ accountId, model, body }: JobOrder): number[] {
  const keys: number[] = []
  if (body.length < PREFIX_BYTES[0]) return keys
  const bytes = new DataView(body.buffer, body.byteOffset, body.byteLength)
  let hash = hashOfText(hashOfText(BASIS, accountId), model)
  let at = 0
  for (const length of PREFIX_BYTES) {
    if (body.length < length) break
    if (at > 0) at = length - WINDOW_BYTES
    // Four bytes a step: a cache key need not be a good hash.
    for (; at < length; at += 4) {
      hash = Math.imul(hash ^ bytes.getInt32(at), PRIME)
      hash ^= hash >>> 15
    }
    keys.push(hash)
  }
  return keys
}

function hashOfText(basis: number, text: string): number {
  let hash = basis
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME)
  return hash
}
