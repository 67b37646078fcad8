import { CLOSE, isFatalClose } from '@infernet/schemas/close-codes'
import { errorMessageIn } from '../error-message.ts'
import { plainText } from '../plain-text.ts'

/** Why a connection is over, in words for the agent's owner. */
export interface LinkEnd {
  readonly reason: string
  /** What the owner can do, or that nothing is needed. */
  readonly nextStep: string
  /** Dialling again cannot help. */
  readonly isFatal: boolean
  /** WebSocket close code, when there was a close. */
  readonly code?: number
}

const NEXT_STEPS: ReadonlyMap<number, string> = new Map([
  [1000, 'reconnecting'],
  [1006, 'reconnecting; if this repeats, look at the network or proxy between here and the edge'],
  [CLOSE.restarting, 'the edge restarts; reconnecting'],
  [CLOSE.protocol, 'reconnecting; if this repeats, update infernet-agent and report it'],
  [CLOSE.unauthorized, 'check the clock and the --edge address; trying again'],
  [CLOSE.price, 'set --price within the bounds of this edge; trying again'],
  [CLOSE.payout, 'update infernet-agent; if this repeats, report it'],
  [CLOSE.foreignJob, 'reconnecting; if this repeats, update infernet-agent and report it'],
  [CLOSE.version, 'update infernet-agent (in a clone: git pull && npm ci), then start it again'],
  [
    CLOSE.replaced,
    'another agent uses this key: stop it, or give this one its own with --data DIRECTORY',
  ],
  [
    CLOSE.banned,
    'your answers were not those of the model you offer: see docs/verification.md, and ask the operator to look again',
  ],
  [
    CLOSE.sharedGpu,
    'one GPU is one provider: offer all its models from one agent and stop the other; of several GPUs, give each agent its own with CUDA_VISIBLE_DEVICES (AMD: ROCR_VISIBLE_DEVICES); trying again',
  ],
  [CLOSE.overloaded, 'the edge is full; trying again later'],
  [CLOSE.silent, 'the edge heard nothing for too long; reconnecting'],
])

/** The end of a connection that was closed with a code. */
export function endOfClose(code: number, reason: string): LinkEnd {
  return {
    code,
    reason:
      plainText(reason) || (code === 1006 ? 'the connection broke' : `closed with code ${code}`),
    nextStep: NEXT_STEPS.get(code) ?? 'reconnecting',
    isFatal: isFatalClose(code),
  }
}

const STATUS_STEPS: ReadonlyMap<number, string> = new Map([
  [401, 'this edge does not admit unknown providers: ask its operator'],
  [403, 'this edge does not admit this machine: ask its operator'],
  [404, 'is --edge the address of an Infernet edge? trying again'],
  [426, 'a proxy in front of the edge removes WebSocket headers: ask its operator'],
])

/** The end of a dial that was answered with an HTTP status instead of a WebSocket. */
export function endOfRefusal(status: number, body: string): LinkEnd {
  const message = errorMessageIn(body) ?? firstLineOf(body)
  return {
    reason: `the edge answered HTTP ${status}${message === '' ? '' : `: ${message}`}`,
    nextStep: STATUS_STEPS.get(status) ?? 'trying again',
    isFatal: false,
  }
}

/** Of a text that is not a page. */
const firstLineOf = (body: string): string =>
  body.trimStart().startsWith('<')
    ? ''
    : plainText((body.trim().split('\n')[0] ?? '').slice(0, 200))

const ERRNO_STEPS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there: is the edge running? trying again'],
  ['ENOTFOUND', 'no such host: check --edge; trying again'],
  ['EAI_AGAIN', 'the name cannot be looked up: check the network; trying again'],
  ['ETIMEDOUT', 'no answer: check --edge and the firewall; trying again'],
])

/** The end of a dial that failed below HTTP. */
export function endOfError(error: Error): LinkEnd {
  const code = 'code' in error ? String(error.code) : ''
  return {
    reason: error.message || code,
    nextStep: ERRNO_STEPS.get(code) ?? 'trying again',
    isFatal: false,
  }
}
