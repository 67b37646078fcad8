import { randomBytes } from 'node:crypto'
import { loginTranscript } from '@infernet/schemas/login'
import { PROTOCOL, type Challenge, type Hello, type SignedCapability } from '@infernet/schemas/wire'
import type { Identity } from '../identity.ts'

export type LoginRefusalCode = 'version' | 'audience'

/** We will not log in here; the message says why and what to do. */
export class LoginRefusal extends Error {
  override readonly name = 'LoginRefusal'
  readonly code: LoginRefusalCode
  constructor(code: LoginRefusalCode, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * The answer to an edge's challenge. `audience` is the host name that was dialled: an edge that
 * names another one is forwarding somebody else's challenge. `now` in ms since the epoch. Throws
 * {@link LoginRefusal}.
 */
export function answerChallenge(
  challenge: Challenge,
  options: {
    readonly audience: string
    readonly identity: Identity
    readonly capability: SignedCapability
    readonly now: number
  },
): Hello {
  if (challenge.audience !== options.audience) {
    throw new LoginRefusal(
      'audience',
      `the edge at ${options.audience} calls itself ${challenge.audience}; use the address it is known by`,
    )
  }
  const version = commonVersion(challenge.versions)
  const hello = {
    version,
    peer: options.identity.peer,
    nonce: randomBytes(32).toString('base64url'),
    timestamp: options.now,
  }
  const signature = options.identity.sign(loginTranscript(challenge, hello))
  return {
    ...hello,
    signature: Buffer.from(signature).toString('base64url'),
    capability: options.capability,
  }
}

/** The highest protocol version both sides speak. Throws {@link LoginRefusal}. */
export function commonVersion(edge: { readonly min: number; readonly max: number }): number {
  const version = Math.min(edge.max, PROTOCOL.max)
  if (version >= edge.min && version >= PROTOCOL.min) return version
  const remedy =
    edge.min > PROTOCOL.max ? 'update infernet-agent' : 'the edge must be updated, or use another'
  throw new LoginRefusal(
    'version',
    `the edge speaks protocol ${range(edge)}, this agent ${range(PROTOCOL)}: ${remedy}`,
  )
}

const range = ({ min, max }: { readonly min: number; readonly max: number }): string =>
  min === max ? `${min}` : `${min} to ${max}`
