import { createHmac } from 'node:crypto'
import type { LeaseId } from '@infernet/schemas/ids'
import { MAX_GATEWAY_SEED } from '@infernet/schemas/limits'

/**
 * The seed of a lease whose client gave none, by which its sampling can be replayed: the first 32 bits of
 * HMAC-SHA256(key, lease id), so that nobody can foresee it and nothing has to be stored. Every engine
 * takes 32 bits; llama.cpp takes 2^32 - 1 for "any", so that one becomes its neighbour.
 */
export const gatewaySeed = (key: Uint8Array, lease: LeaseId): number =>
  seedOf(createHmac('sha256', key).update(lease).digest())

/** The seed in a digest. */
export function seedOf(digest: Uint8Array): number {
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength)
  return Math.min(view.getUint32(0), MAX_GATEWAY_SEED)
}
