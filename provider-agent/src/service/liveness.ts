import type { AgentEvent } from '../events.ts'
import { CLOSE_TIMEOUT_MS, DIAL_TIMEOUT_MS } from '../limits.ts'

/** Beyond what a step may take by itself: a busy machine is late, not wedged. */
const SLACK_MS = 30_000
/** The dial and the login, each with its own limit, and the end of what came of them. */
const LOGIN_MS = 2 * DIAL_TIMEOUT_MS + CLOSE_TIMEOUT_MS

/** What the connection must do next, and until when (ms, on the clock of `at`). */
export type LinkDuty = { readonly until: number } | undefined

/**
 * What is due after an event: a dial ends in a login or a failure, and a failure in another dial. All
 * else may take as long as it does.
 */
export function dutyAfter(duty: LinkDuty, event: AgentEvent, at: number): LinkDuty {
  switch (event.event) {
    case 'connecting':
      return { until: at + LOGIN_MS + SLACK_MS }
    case 'disconnected':
      return { until: at + event.retry_ms + SLACK_MS }
    case 'connected':
    case 'gave_up':
    case 'draining':
    case 'stopped':
      return undefined
    default:
      return duty
  }
}

/** Whether what is due at `now` is not there: only a new start helps. */
export const isWedged = (duty: LinkDuty, now: number): boolean =>
  duty !== undefined && now > duty.until
