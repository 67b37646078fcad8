import type { fstatSync } from 'node:fs'
import type { AgentEvent, EventName } from '../events.ts'

/** What the journal takes a line for: an error, a warning, or news. */
export type Priority = 3 | 4 | 6

const ERRORS: ReadonlySet<EventName> = new Set([
  'gave_up',
  'job_failed',
  'job_lost',
  'receipts_dropped',
])
const WARNINGS: ReadonlySet<EventName> = new Set([
  'key_exposed',
  'edge_unencrypted',
  'engine_trouble',
  'hardware_trouble',
  'engine_down',
  'payout_unset',
  'payout_trouble',
  'invoice_refused',
  'disconnected',
  'receipt_unknown',
  'receipts_unstored',
  'render_failed',
  'score_failed',
  'control_trouble',
])

/** How much its owner should mind an event. */
export function priorityOf(event: AgentEvent): Priority {
  // What a client has asked wrongly is nothing that the owner can mend.
  if (event.event === 'job_failed' && event.fault === 'request') return 6
  if (ERRORS.has(event.event)) return 3
  return WARNINGS.has(event.event) || isPoor(event) ? 4 : 6
}

/** News of a kind that is good as a rule, and here is not. */
const isPoor = (event: AgentEvent): boolean =>
  (event.event === 'models' && event.models.length === 0) ||
  (event.event === 'engine_sandbox' && event.driver === 'none') ||
  (event.event === 'transcript_opened' && !event.found)

/** Text as the journal wants it: each of its lines with the priority before it. */
export const journalText = (text: string, priority: Priority): string =>
  text.replaceAll(/^/gm, `<${priority}>`)

/** The ids of a job, to find it by: of what comes after it, such as an audit, the agent knows the lease alone. */
export function idsOf(event: AgentEvent): string {
  if ('job' in event) return ` job=${event.job} lease=${event.lease}`
  return 'lease' in event ? ` lease=${event.lease}` : ''
}

/**
 * Whether an open file is the journal, going by `JOURNAL_STREAM`: systemd sets it to the device and inode of what it
 * has connected, and children that write elsewhere inherit it.
 */
export function isJournal(
  stream: string | undefined,
  stat: typeof fstatSync,
  descriptor: number,
): boolean {
  if (stream === undefined) return false
  try {
    const { dev, ino } = stat(descriptor, { bigint: true })
    return stream === `${dev}:${ino}`
  } catch {
    // It is closed.
    return false
  }
}
