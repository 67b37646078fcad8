import { FRAME, readFrames } from '@infernet/schemas/frame'
import { challengeSchema, decodeControl, type Challenge } from '@infernet/schemas/wire'
import { dial, onRefusal } from '../link/dial.ts'
import type { EdgeAddress } from '../link/edge-address.ts'
import { endOfClose, endOfError, type LinkEnd } from '../link/link-end.ts'

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
export async function challengeOf(edge: EdgeAddress, signal: AbortSignal): Promise<Challenge> {
  const { promise, resolve, reject } = Promise.withResolvers<Challenge>()
  const fail = (end: Pick<LinkEnd, 'reason' | 'nextStep'>): void => reject(new DialError(end))
  const socket = dial(edge)
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
  onRefusal(socket, fail)
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
