import type { JobRecord } from '@infernet/schemas/job-record'
import type { SelectedAnswer } from '../audit/audit-case.ts'
import type { AuditDesk } from '../audit/audit-desk.ts'
import { AUDIT_HOLD_MS } from '../audit/audit-limits.ts'
import { endedAnswers, selectedAsOne } from './hub-audits.ts'
import type { HubOptions } from './hub-options.ts'
import type { HubSessions } from './hub-sessions.ts'
import type { Leg } from './job-record.ts'
import type { JobRun } from './job-run.ts'
import { jobTrace } from './job-trace.ts'
import type { ReceiptIntake } from './receipt-intake.ts'

export interface JobEndingsOptions extends Pick<
  HubOptions,
  'audit' | 'events' | 'now' | 'settle' | 'watch'
> {
  readonly receipts: Pick<ReceiptIntake, 'expect'>
  /** Absent: nothing is audited. */
  readonly audits: Pick<AuditDesk, 'ended'> | undefined
  readonly sessions: Pick<HubSessions, 'seen'>
}

/** What follows from a job's end: receipts are expected, answers drawn for audits, the bill is settled, all is told. */
export class JobEndings {
  readonly #options: JobEndingsOptions

  constructor(options: JobEndingsOptions) {
    this.#options = options
  }

  /** The audit of its answer, if it was selected for one: what it has earned is held until then. */
  ended(record: JobRecord, legs: readonly Leg[], run: JobRun): SelectedAnswer | undefined {
    const { audit, audits, events, now, receipts, sessions, settle, watch } = this.#options
    for (const { attempt } of legs) {
      receipts.expect(attempt.lease, attempt.session.peer)
      sessions.seen(attempt.session)
    }
    const answers = endedAnswers(run, record, legs, (lease) => audit.seedOf(lease))
    const selected = selectedAsOne(answers.flatMap((part) => audits?.ended(part) ?? []))
    const isHeld = selected !== undefined
    const settling = settle(isHeld ? { ...record, heldUntil: now() + AUDIT_HOLD_MS } : record)
    events.jobEnded(record, events.tracing ? jobTrace(run, now()) : undefined, settling)
    watch?.ended(run.order, record)
    return selected
  }
}
