import { CLOSE, type CloseCode } from '@infernet/schemas/close-codes'
import {
  CONNECTION_CHANNEL,
  encodeFrame,
  FRAME,
  FrameError,
  readFrames,
} from '@infernet/schemas/frame'
import { judgeLogin, judgeVersion } from '@infernet/schemas/login'
import { payoutFault } from '@infernet/schemas/payout-statement'
import type { PeerId } from '@infernet/schemas/peer-id'
import {
  checkIssuedAt,
  openCapability,
  type OpenedCapability,
} from '@infernet/schemas/signed-capability'
import {
  decodeControl,
  encodeControl,
  helloSchema,
  helloVersionSchema,
  PROTOCOL,
  WireError,
  type Challenge,
} from '@infernet/schemas/wire'

/** The first thing every provider hears. `nonce` is 32 random bytes in base64url. */
export function challengeFor(audience: string, nonce: string, now: number): Challenge {
  return { versions: PROTOCOL, audience, nonce, now }
}

export const challengeMessage = (challenge: Challenge): Uint8Array<ArrayBuffer> =>
  encodeFrame(FRAME.challenge, CONNECTION_CHANNEL, encodeControl(challenge))

export type LoginVerdict =
  | ({
      readonly ok: true
      readonly peer: PeerId
      readonly version: number
    } & OpenedCapability)
  | {
      readonly ok: false
      readonly code: CloseCode
      readonly fault: string
      readonly message: string
    }

/** Judges the one message that may follow a challenge. Never throws for what a stranger sent. */
export async function answerLogin(
  challenge: Challenge,
  message: Uint8Array,
  now: number,
): Promise<LoginVerdict> {
  try {
    const payload = helloPayload(message)
    if (payload === undefined) return protocolFault('expected a hello, and nothing else')
    const { version } = decodeControl(helloVersionSchema, payload)
    const tooOld = judgeVersion(version)
    if (tooOld !== undefined)
      return { ok: false, code: CLOSE.version, fault: 'version', message: tooOld }
    const hello = decodeControl(helloSchema, payload)
    const fault = await judgeLogin(challenge, hello, now)
    if (fault !== undefined) return { ok: false, code: CLOSE.unauthorized, ...fault }
    const { peer } = hello
    const opened = openCapability(peer, hello.capability)
    checkIssuedAt(opened.issuedAt, { now })
    const unsigned = payoutFault(peer, opened.capability)
    if (unsigned !== undefined)
      return { ok: false, code: CLOSE.payout, fault: 'payout', message: unsigned }
    return { ok: true, peer, version, ...opened }
  } catch (error) {
    if (error instanceof FrameError || error instanceof WireError)
      return protocolFault(error.message)
    throw error
  }
}

function helloPayload(message: Uint8Array): Uint8Array | undefined {
  let payload: Uint8Array | undefined
  let frames = 0
  readFrames(message, (frame) => {
    frames++
    if (frame.type === FRAME.hello && frame.channel === CONNECTION_CHANNEL) payload = frame.payload
  })
  return frames === 1 ? payload : undefined
}

const protocolFault = (message: string): LoginVerdict => ({
  ok: false,
  code: CLOSE.protocol,
  fault: 'protocol',
  message,
})
