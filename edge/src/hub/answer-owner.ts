import type { ApiError } from '@infernet/openai-compat/api-error'
import type { VerificationNote } from '@infernet/openai-compat/verification-note'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { RoutingMetadata } from './routing-metadata.ts'

/** The job behind an answer. */
export interface AnswerOwner {
  /** So many bytes of the answering provider have been handed over. */
  taken(bytes: number): void
  /** The answering provider broke its stream; may bring another provider, or `StreamAnswer.fail`. */
  streamBroke(error: ApiError): void
  /** Everything has been handed over, up to the last finish reason, or is about to be: makes the bill. */
  delivered(): JobRecord
  /** The answer ends with an error: makes the bill of what was delivered. */
  undelivered(code: string | null): void
  /** For clients who asked how their request was routed. */
  routing(): RoutingMetadata | undefined
  /** Calls back with what a delivered answer was found to be, maybe at once. */
  whenVerified(tell: (note: VerificationNote) => void): void
  /** Its client has been told. */
  told(): void
  hungUp(): void
}
