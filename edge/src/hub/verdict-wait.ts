import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { ApiError } from '@infernet/openai-compat/api-error'
import type { VerificationNote } from '@infernet/openai-compat/verification-note'
import type { JobId } from '@infernet/schemas/ids'
import type { SelectedAnswer } from '../audit/audit-case.ts'
import type { Audit } from '../audit/audit-port.ts'
import { VERDICT_WAIT_MS } from '../limits.ts'
import type { JobOrder } from '../ports.ts'

/** Whether the client gets no clean end before there is a verdict. */
export const isStrict = ({ verification }: JobOrder): boolean => verification?.mode === 'strict'

/** What a client is told of its answer's audit. */
function noteOf({ verdict, logE, report, lease, spec }: Audit): VerificationNote {
  const contradiction = report.findings.find(({ severity }) => severity === 'fail')
  const reason = report.reason ?? contradiction?.detail ?? null
  return { verification: { verdict, log_e: logE, reason, lease, spec } }
}

/** Of an answer that no audit is about. */
export const unverified = (lease: string | null): VerificationNote => ({
  verification: {
    verdict: 'inconclusive',
    log_e: null,
    reason: 'it was not audited',
    lease,
    spec: null,
  },
})

const pending = (lease: string | null): VerificationNote => ({
  verification: {
    verdict: 'pending',
    log_e: null,
    reason: 'the verdict was not there in time',
    lease,
    spec: null,
  },
})

/** The error that takes the place of an answer which was found out; undefined for any other. */
export function verificationError(
  job: JobId,
  { verification: { verdict, reason } }: VerificationNote,
): ApiError | undefined {
  return verdict === 'fail' ? apiErrors.verificationFailed(job, reason) : undefined
}

/**
 * Until when a client waits for the verdict at most, ms since the epoch: as long as it has said, else a while, and no
 * longer than its job may take.
 */
export const verdictDueAt = (
  { verification }: Pick<JobOrder, 'verification'>,
  now: number,
  deadline: number,
): number =>
  verification?.waitMs === undefined
    ? Math.min(now + VERDICT_WAIT_MS, deadline)
    : now + verification.waitMs

/** The wait for one verdict: tells it once, or after `until` (ms since the epoch) that it is pending. */
export class VerdictWait {
  readonly #lease: string | null
  readonly #until: number
  #tell: ((note: VerificationNote) => void) | undefined

  constructor(
    { verdict }: SelectedAnswer,
    options: {
      readonly lease: string | null
      readonly until: number
      readonly tell: (note: VerificationNote) => void
    },
  ) {
    this.#lease = options.lease
    this.#until = options.until
    this.#tell = options.tell
    void verdict.then((audit) => this.#end(noteOf(audit)))
  }

  sweep(now: number): void {
    if (now >= this.#until) this.#end(pending(this.#lease))
  }

  /** Nobody wants to know any more. */
  cancel(): void {
    this.#tell = undefined
  }

  #end(note: VerificationNote): void {
    const tell = this.#tell
    this.#tell = undefined
    tell?.(note)
  }
}
