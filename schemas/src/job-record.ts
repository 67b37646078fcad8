import { z } from 'zod'

const count = z.int().nonnegative()

/** How a job ended, as the edge saw it: what the ledger and the `jobs` table are written from. */
export const jobRecordSchema = z.object({
  id: z.string(),
  accountId: z.string(),
  apiKeyId: z.string(),
  requestId: z.string(),
  model: z.string(),
  stream: z.boolean(),
  /** `expired`: the edge died or lost the job; its hold went back to the client untouched. */
  status: z.enum(['completed', 'cancelled', 'failed', 'expired']),
  errorCode: z.string().nullable(),
  finishReason: z.string().nullable(),
  providerId: z.string().nullable(),
  lease: z.string().nullable(),
  attempts: count,
  /** Billed tokens. */
  promptTokens: count,
  completionTokens: count,
  /** Completion tokens the provider claimed. */
  claimedTokens: count,
  holdMsat: count,
  costMsat: count,
  /** ms since the epoch. */
  createdAt: count,
  firstByteMs: count.nullable(),
  totalMs: count,
})
export type JobRecord = z.infer<typeof jobRecordSchema>

/**
 * One line of an account's outbox. `idempotencyKey` is `deposit:<reference>` or `job:<job id>`;
 * a release carries its job and an amount of 0.
 */
export type LedgerEvent = {
  readonly accountId: string
  readonly idempotencyKey: string
  readonly amountMsat: number
  /** ms since the epoch. */
  readonly happenedAt: number
} & (
  | { readonly kind: 'deposit'; readonly job: null }
  | { readonly kind: 'capture' | 'release'; readonly job: JobRecord }
)
