import type { AgentEvent, EventName } from '../events.ts'
import { MAX_TROUBLE_CHARS, MAX_TROUBLES } from './control-limits.ts'

/** Something that the owner should know of, and what to do about it. */
export interface Trouble {
  readonly event: EventName
  readonly message: string
  readonly nextStep: string
  /** Of the monotonic clock: when it was last so. */
  readonly at: number
  /** How often, in a row or with others between. */
  readonly times: number
}

export const noTroubles: readonly Trouble[] = []

type News = Pick<Trouble, 'event' | 'message' | 'nextStep'>

/** The latest first; what is said again is counted and comes to the front. */
export function withTrouble(
  troubles: readonly Trouble[],
  news: News | undefined,
  at: number,
): readonly Trouble[] {
  if (news === undefined) return troubles
  const message = news.message.slice(0, MAX_TROUBLE_CHARS)
  const isSame = (trouble: Trouble) => trouble.event === news.event && trouble.message === message
  const times = (troubles.find(isSame)?.times ?? 0) + 1
  const others = troubles.filter((trouble) => !isSame(trouble))
  return [{ ...news, message, at, times }, ...others].slice(0, MAX_TROUBLES)
}

/** What is wrong by an event, in words; undefined when nothing is. */
export function troubleOf(event: AgentEvent): News | undefined {
  const said = wordsOf(event)
  return said && { event: event.event, message: said[0], nextStep: said[1] }
}

const READ_ENGINE_LOG = 'read the engine’s log'

function wordsOf(event: AgentEvent): readonly [message: string, nextStep: string] | undefined {
  switch (event.event) {
    case 'key_exposed':
      return [`others can read the key ${event.path}`, `chmod 600 ${event.path}`]
    case 'edge_unencrypted':
      return [`${event.edge} is not encrypted`, 'use its https:// address']
    case 'payout_unset':
      return ['the earnings wait at the edge', 'start with --payout user@domain']
    case 'payout_trouble':
      return [`your Lightning node: ${event.message}`, 'is it running, and unlocked?']
    case 'invoice_refused':
      return [`no invoice for ${event.payout}: ${event.message}`, 'look at your Lightning node']
    case 'engine_trouble':
      return [event.message, READ_ENGINE_LOG]
    case 'engine_down':
      return [`${event.engine} with ${event.model} ${event.reason}`, event.hint ?? READ_ENGINE_LOG]
    case 'hardware_trouble':
      return [event.message, 'infernet-agent hardware']
    case 'disconnected':
    case 'gave_up':
      return [event.reason, event.next_step]
    default:
      return jobWords(event)
  }
}

function jobWords(event: AgentEvent): readonly [string, string] | undefined {
  switch (event.event) {
    case 'job_failed':
      return event.fault === 'request'
        ? undefined
        : [`${event.model} failed: ${event.message} (${event.code})`, READ_ENGINE_LOG]
    case 'job_lost':
      return [`a job of ${event.model} was lost with the connection`, 'is the line stable?']
    case 'score_failed':
    case 'render_failed':
      return [`${event.model} could not be looked at: ${event.message}`, READ_ENGINE_LOG]
    case 'receipt_unknown':
      return [`the edge does not know lease ${event.lease}`, 'tell the edge’s operator']
    case 'receipts_unstored':
      return [`receipts cannot be stored: ${event.reason}`, 'is the disk full?']
    case 'receipts_dropped':
      return [`receipts lost: ${event.reason}`, 'is the disk full?']
    case 'transcript_opened':
      return event.found
        ? undefined
        : [`the transcript of ${event.lease} is gone`, 'do not restart while audits are open']
    case 'control_trouble':
      return [`no control socket: ${event.message}`, 'give the agent a shorter --data directory']
    default:
      return undefined
  }
}
