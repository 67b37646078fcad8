import type { AttemptTrace, JobTrace } from '../telemetry/request-spans.ts'
import type { Attempt } from './attempt.ts'
import type { JobRun } from './job-run.ts'

/** What a trace tells of a job that has ended, at `now` (ms since the epoch). */
export const jobTrace = (run: JobRun, now: number): JobTrace => ({
  request: run.order.trace,
  attempts: run.attempts.map((attempt) => attemptTrace(attempt, now)),
})

const attemptTrace = (attempt: Attempt, now: number): AttemptTrace => ({
  lease: attempt.lease,
  provider: attempt.session.peer,
  offeredAt: attempt.offeredAt,
  firstByteAt: attempt.firstByteAt,
  endedAt: attempt.endedAt ?? now,
  error: attempt.endedBy === 'end' ? undefined : (attempt.endedBy ?? 'cancel'),
})
