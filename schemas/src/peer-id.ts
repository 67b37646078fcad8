import { decodeBase58, encodeBase58 } from './base58.ts'

declare const peerBrand: unique symbol
/**
 * A provider's name: libp2p's peer id of its Ed25519 public key, `12D3Koo…`
 * (base58btc of an identity multihash around the protobuf-framed key; libp2p specs, `peer-ids`).
 */
export type PeerId = string & { readonly [peerBrand]: true }

const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
const KEY_BYTES = 32
const TEXT_LENGTH = 52

/** `publicKey` is the raw 32-byte Ed25519 key. */
export function peerIdOf(publicKey: Uint8Array): PeerId {
  if (publicKey.length !== KEY_BYTES) throw new RangeError('an Ed25519 public key has 32 bytes')
  const bytes = new Uint8Array(PREFIX.length + KEY_BYTES)
  bytes.set(PREFIX)
  bytes.set(publicKey, PREFIX.length)
  return encodeBase58(bytes) as PeerId
}

/** The raw public key inside a peer id, or undefined when the text is not an Ed25519 peer id. */
export function publicKeyOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length !== TEXT_LENGTH) return undefined
  const bytes = decodeBase58(text)
  if (bytes?.length !== PREFIX.length + KEY_BYTES) return undefined
  if (!PREFIX.every((byte, i) => bytes[i] === byte)) return undefined
  return bytes.slice(PREFIX.length)
}

/** Every Ed25519 peer id begins alike; base58's alphabet leaves out 0, O, I and l. */
const PATTERN = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/

/** Whether the text has a peer id's form; only {@link publicKeyOf} decodes it. */
export const isPeerId = (text: string): text is PeerId => PATTERN.test(text)
