import { CLOSE } from '@infernet/schemas/close-codes'

const BASE_MS = 250
const CAP_MS = 30_000
/** A connection that lived this long was a good one: the next failure starts from the beginning. */
const STABLE_MS = 10_000
/** Codes that only time or the owner cures: hurrying back would fight another agent or the edge. */
const PATIENT: ReadonlySet<number> = new Set([
  CLOSE.replaced,
  CLOSE.overloaded,
  CLOSE.unauthorized,
  CLOSE.price,
  CLOSE.payout,
  CLOSE.foreignJob,
  CLOSE.sharedGpu,
])

/** What is known of a connection that ended. */
export interface EndedConnection {
  /** How long it was welcome, in ms; 0 when it never was. */
  readonly welcomeMs: number
  /** The WebSocket close code, when there was one. */
  readonly code?: number
}

/** How many failures in a row this one makes; 0 after a connection that lasted. */
export const failuresAfter = (failures: number, ended: EndedConnection): number =>
  ended.welcomeMs >= STABLE_MS ? 0 : failures + 1

/**
 * Time to wait before dialling again, in ms: exponential backoff with full jitter from 250 ms to
 * 30 s (`random` in [0, 1)), so that the agents of a restarted edge do not come back as one.
 */
export function reconnectDelay(failures: number, ended: EndedConnection, random: number): number {
  const patient = ended.code !== undefined && PATIENT.has(ended.code)
  const ceiling = patient ? CAP_MS : Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures, 20))
  const floor = patient ? CAP_MS / 2 : 0
  return Math.round(floor + random * (ceiling - floor))
}
