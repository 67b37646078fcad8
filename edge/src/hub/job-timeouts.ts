import { z } from 'zod'
import {
  ACCEPT_TIMEOUT_MS,
  CANCEL_GRACE_MS,
  FIRST_BYTE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  JOB_DEADLINE_MS,
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

/** The operator's setting (JSON, any subset) over the defaults. Throws a ZodError or SyntaxError. */
export const parseTimeouts = (json: string | undefined): JobTimeouts =>
  schema.parse(json === undefined || json === '' ? {} : JSON.parse(json))
