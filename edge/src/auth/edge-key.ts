import type { DeliverySigner } from '@infernet/schemas/delivery-statement'
import { peerIdOf } from '@infernet/schemas/peer-id'
import { fromBase64Url } from '@infernet/schemas/receipt'
import { encodeUtf8 } from '@infernet/schemas/utf8'

const LABEL = encodeUtf8('infernet/edge-key/1')
const SEED_BITS = 256
/** An Ed25519 private key in PKCS #8 (RFC 8410 §7), up to its 32 bytes. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * The key by which an edge signs what it has delivered: HKDF-SHA256 (RFC 5869) of its audit secret, so that
 * nothing of it has to be kept and all edges of an operator have the same.
 */
export async function edgeKey(secret: Uint8Array<ArrayBuffer>): Promise<DeliverySigner> {
  const { subtle } = crypto
  const key = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits'])
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: LABEL }
  const seed = new Uint8Array(await subtle.deriveBits(hkdf, key, SEED_BITS))
  const pkcs8 = new Uint8Array(PKCS8_HEAD.length + seed.length)
  pkcs8.set(PKCS8_HEAD)
  pkcs8.set(seed, PKCS8_HEAD.length)
  // Only an extractable key tells its public half.
  const open = await subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign'])
  // Workers' types do not know that this format is never bytes.
  const { x = '' } = (await subtle.exportKey('jwk', open)) as { readonly x?: string }
  const closed = await subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
  return {
    peer: peerIdOf(fromBase64Url(x)),
    sign: async (message) => new Uint8Array(await subtle.sign('Ed25519', closed, message)),
  }
}
