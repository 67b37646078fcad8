import { z } from 'zod'
import {
  ACCEPT_TIMEOUT_MS,
  CANCEL_GRACE_MS,
  FIRST_BYTE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  JOB_DEADLINE_MS,
  SLOWEST_DOWNLINK_BYTES_PER_MS,
  WHOLE_ANSWER_TIMEOUT_MS,
} from '../limits.ts'

const ms = z.int().positive().max(3_600_000)

const schema = z.strictObject({
  acceptMs: ms.default(ACCEPT_TIMEOUT_MS),
  firstByteMs: ms.default(FIRST_BYTE_TIMEOUT_MS),
  wholeAnswerMs: ms.default(WHOLE_ANSWER_TIMEOUT_MS),
  idleMs: ms.default(IDLE_TIMEOUT_MS),
  deadlineMs: ms.max(JOB_DEADLINE_MS).default(JOB_DEADLINE_MS),
  cancelGraceMs: ms.default(CANCEL_GRACE_MS),
})

/** How long a job may wait for what, in ms; see `limits.ts` for each. */
export type JobTimeouts = z.infer<typeof schema>

/** How long a provider may take to accept a job of so many bytes, ms. */
export const acceptWaitMs = ({ acceptMs }: Pick<JobTimeouts, 'acceptMs'>, bytes: number): number =>
  acceptMs + bytes / SLOWEST_DOWNLINK_BYTES_PER_MS

/** How long a provider that has accepted a job may take until its first byte, ms: of a whole answer, that is the last. */
export const firstByteWaitMs = (
  { firstByteMs, wholeAnswerMs }: Pick<JobTimeouts, 'firstByteMs' | 'wholeAnswerMs'>,
  isStream: boolean,
): number => (isStream ? firstByteMs : wholeAnswerMs)

/** The operator's setting (JSON, any subset) over the defaults. Throws a ZodError or SyntaxError. */
export const parseTimeouts = (json: string | undefined): JobTimeouts =>
  schema.parse(json === undefined || json === '' ? {} : JSON.parse(json))
