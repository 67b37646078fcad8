import { FRAME, readFrames } from '@infernet/schemas/frame'
import { MAX_MESSAGE_BYTES } from '@infernet/schemas/limits'
import {
  challengeSchema,
  decodeControl,
  WS_SUBPROTOCOL,
  type Challenge,
} from '@infernet/schemas/wire'
import { WebSocket } from 'ws'
import { DIAL_TIMEOUT_MS, MAX_REFUSAL_BYTES } from '../limits.ts'
import { endOfClose, endOfError, endOfRefusal, type LinkEnd } from '../link/link-end.ts'

/** An edge was dialled, and there was no challenge; the message is for the owner. */
export class DialError extends Error {
  override readonly name = 'DialError'
  readonly code = 'no_challenge'
  readonly nextStep: string

  constructor({ reason, nextStep }: Pick<LinkEnd, 'reason' | 'nextStep'>) {
    super(reason)
    // The doctor does not come back by itself.
    this.nextStep = nextStep.replace(/[;,]? ?(trying again|reconnecting)( later)?$/, '')
  }
}

const FOREIGN = {
  reason: 'the edge does not begin as an Infernet edge does',
  nextStep: 'check --edge, and update infernet-agent',
}

/**
 * Dials an edge as an agent does, and leaves when it has said who it is: nobody logs in, so a running
 * agent of the same key is not sent away. Rejects with {@link DialError}.
 */
export async function challengeOf(url: string, signal: AbortSignal): Promise<Challenge> {
  const { promise, resolve, reject } = Promise.withResolvers<Challenge>()
  const fail = (end: Pick<LinkEnd, 'reason' | 'nextStep'>): void => reject(new DialError(end))
  const socket = new WebSocket(url, WS_SUBPROTOCOL, {
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handshakeTimeout: DIAL_TIMEOUT_MS,
  })
  const stop = (): void => socket.terminate()
  signal.addEventListener('abort', stop)
  socket.on('message', (data) => {
    try {
      resolve(challengeIn(data as Buffer))
    } catch {
      fail(FOREIGN)
    }
  })
  socket.on('error', (error) => fail(endOfError(error)))
  socket.on('close', (code, reason) => fail(endOfClose(code, reason.toString())))
  socket.on('unexpected-response', (request, response) => {
    let body = ''
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text
      if (body.length > MAX_REFUSAL_BYTES) response.destroy()
    })
    response.on('close', () => {
      request.destroy()
      fail(endOfRefusal(response.statusCode ?? 0, body.slice(0, MAX_REFUSAL_BYTES)))
    })
  })
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', stop)
    socket.terminate()
  }
}

function challengeIn(message: Uint8Array): Challenge {
  const challenges: Challenge[] = []
  readFrames(message, ({ type, payload }) => {
    if (type === FRAME.challenge) challenges.push(decodeControl(challengeSchema, payload))
  })
  const [challenge] = challenges
  if (challenge === undefined) throw new DialError(FOREIGN)
  return challenge
}
