import { generateKeyPairSync, sign } from 'node:crypto'
import { peerIdOf, type PeerId } from '../peer-id.ts'

export interface Signer {
  readonly peer: PeerId
  sign(message: Uint8Array): Uint8Array<ArrayBuffer>
}

/** A fresh Ed25519 key held by node:crypto, so that WebCrypto's checks meet another implementation. */
export function newSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  return {
    peer: peerIdOf(raw),
    sign: (message) => Uint8Array.from(sign(null, message, privateKey)),
  }
}
