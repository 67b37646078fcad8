import { CHALLENGE_TTL_MS, MAX_CLOCK_SKEW_MS } from './limits.ts'
import { publicKeyOf } from './peer-id.ts'
import { encodeUtf8 } from './utf8.ts'
import { PROTOCOL, type Challenge, type Hello } from './wire.ts'

/**
 * Provider login: the edge sends a challenge, the agent signs both nonces, the audience and its
 * clock with the Ed25519 key that is its name (the idea of libp2p's `http/peer-id-auth`, with our
 * own domain string). TLS authenticates the edge; the audience stops a hostile edge from
 * forwarding the answer to another.
 */
const DOMAIN = 'infernet/ws-auth/1'

/** The bytes that a hello's signature covers. */
export function loginTranscript(
  challenge: Pick<Challenge, 'audience' | 'nonce'>,
  hello: Pick<Hello, 'version' | 'peer' | 'nonce' | 'timestamp'>,
): Uint8Array<ArrayBuffer> {
  const parts = [
    DOMAIN,
    hello.version,
    challenge.audience,
    hello.peer,
    challenge.nonce,
    hello.nonce,
    hello.timestamp,
  ]
  return encodeUtf8(parts.join('\0'))
}

export type LoginFault = 'late' | 'skew' | 'signature'

/**
 * Judges a hello against the challenge that this connection was sent `challenge.now`; `now` is the
 * edge's clock in ms. Resolves to undefined when the login is good, else to the fault and a message
 * that tells the agent's owner what to do.
 */
export async function judgeLogin(
  challenge: Challenge,
  hello: Hello,
  now: number,
): Promise<{ fault: LoginFault; message: string } | undefined> {
  if (now - challenge.now > CHALLENGE_TTL_MS) {
    return {
      fault: 'late',
      message: `the login took longer than ${CHALLENGE_TTL_MS / 1000} s; try again`,
    }
  }
  const skew = hello.timestamp - now
  if (Math.abs(skew) > MAX_CLOCK_SKEW_MS) {
    const seconds = Math.round(Math.abs(skew) / 1000)
    const direction = skew > 0 ? 'ahead of' : 'behind'
    return {
      fault: 'skew',
      message: `this machine's clock is ${seconds} s ${direction} the edge's; synchronise it (for example: timedatectl set-ntp true)`,
    }
  }
  const signature = Uint8Array.from(Buffer.from(hello.signature, 'base64url'))
  const transcript = loginTranscript(challenge, hello)
  return (await verifyPeerSignature(hello.peer, signature, transcript))
    ? undefined
    : {
        fault: 'signature',
        message: 'the signature does not match this key, audience and challenge',
      }
}

/** The message for a version outside our range, or undefined when it is inside. */
export function judgeVersion(version: number): string | undefined {
  if (version >= PROTOCOL.min && version <= PROTOCOL.max) return undefined
  const range =
    PROTOCOL.min === PROTOCOL.max ? `${PROTOCOL.min}` : `${PROTOCOL.min} to ${PROTOCOL.max}`
  const remedy =
    version < PROTOCOL.min ? 'update infernet-agent' : 'this edge must be updated first'
  return `this edge speaks protocol ${range}, the agent ${version}: ${remedy}`
}

/** Whether `signature` is that of the key which a peer is named by, over `message`. */
export async function verifyPeerSignature(
  peer: string,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = publicKeyOf(peer)
  return key !== undefined && verifyEd25519(key, signature, message)
}

/**
 * Whether `signature` is this key's over `message`, by WebCrypto's Ed25519 (RFC 8032), which Node
 * and workerd both have. `publicKey` is raw. A malformed key or signature is simply not good.
 */
export async function verifyEd25519(
  publicKey: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify'])
    return await crypto.subtle.verify('Ed25519', key, signature, message)
  } catch {
    return false
  }
}
