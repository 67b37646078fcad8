import type { ApiError } from '@infernet/openai-compat/api-error'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { SelectedAnswer } from '../audit/audit-case.ts'
import type { Attempt } from './attempt.ts'
import type { Leg } from './job-record.ts'
import type { JobRun } from './job-run.ts'
import type { JobTimeouts } from './job-timeouts.ts'
import type { ProviderSession } from './provider-session.ts'

/** What a job needs of its hub. */
export interface JobHost {
  readonly timeouts: JobTimeouts
  readonly byteStreams: boolean
  now(): number
  /** A provider that may take this job now; or why there is none. */
  choose(run: JobRun): ProviderSession | 'full' | ApiError
  /** Keeps the job until a provider has room for it, then calls {@link JobRun.place}; or why not. */
  queue(run: JobRun): ApiError | undefined
  /** The provider neither took nor refused an offered job. */
  silent(session: ProviderSession): void
  /** A lease was taken back; its slot is the provider's until it has said so, or its time is over. */
  linger(attempt: Attempt): void
  /** How long this provider's first byte usually takes at most; undefined while that is unknown. */
  hedgeDelayMs(attempt: Attempt): number | undefined
  /** The first byte came, `ms` after the offer. */
  answering(attempt: Attempt, ms: number): void
  failed(attempt: Attempt): void
  /** The audit of its answer, if it was selected for one. */
  ended(run: JobRun, record: JobRecord, legs: readonly Leg[]): SelectedAnswer | undefined
  /** It has ended, and its client waits for the verdict: it is still to be swept, and may be cancelled. */
  waiting(run: JobRun): void
  /** Its client waits no more. */
  told(run: JobRun): void
}
