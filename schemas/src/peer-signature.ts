import { createPublicKey, verify } from 'node:crypto'
import { publicKeyOf } from './peer-id.ts'
import { toBase64Url } from './receipt.ts'

/**
 * Whether `signature` is that of the key which a peer is named by, over `message`. Without waiting, unlike
 * WebCrypto: a session must not take the next frame before it has judged this one.
 */
export function isSignedBy(peer: string, signature: Uint8Array, message: Uint8Array): boolean {
  const raw = publicKeyOf(peer)
  if (raw === undefined) return false
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(raw) }
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    return verify(null, message, key, signature)
  } catch {
    return false
  }
}
