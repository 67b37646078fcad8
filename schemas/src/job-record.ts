import { z } from 'zod'

const count = z.int().nonnegative()

/** A part of an answer, delivered by a provider that failed before its end. */
const priorLegSchema = z.object({
  providerId: z.string(),
  lease: z.string(),
  promptTokens: count,
  completionTokens: count,
  claimedTokens: count,
  costMsat: count,
})
export type PriorLeg = z.infer<typeof priorLegSchema>

/** How a job ended, as the edge saw it: what the ledger and the `jobs` table are written from. */
export const jobRecordSchema = z.object({
  id: z.string(),
  accountId: z.string(),
  apiKeyId: z.string(),
  requestId: z.string(),
  /** The engine call: see `ENDPOINTS`. */
  endpoint: z.string(),
  model: z.string(),
  /** The answer's own `id`, which the client knows it by. */
  generationId: z.string().nullable(),
  stream: z.boolean(),
  /** `expired`: the edge died or lost the job; its hold went back to the client untouched. */
  status: z.enum(['completed', 'cancelled', 'failed', 'expired']),
  errorCode: z.string().nullable(),
  finishReason: z.string().nullable(),
  /** Who ended the answer, or was asked last. */
  providerId: z.string().nullable(),
  lease: z.string().nullable(),
  attempts: count,
  /** Legs before the last; their tokens and costs are part of the totals below. */
  priorLegs: z.array(priorLegSchema),
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
  /** ms since the epoch: it is being audited, and its providers' parts wait for the verdict, or until then. */
  heldUntil: count.optional(),
})
export type JobRecord = z.infer<typeof jobRecordSchema>

/** Credit that an account got once, for a reference. */
export interface LedgerDeposit {
  readonly accountId: string
  readonly reference: string
  readonly amountMsat: number
  /** ms since the epoch. */
  readonly at: number
}

/**
 * What an account's outbox hands to Postgres. A settled job is the JSON text of its {@link JobRecord},
 * as the ledger stored it: nobody parses it on the way.
 */
export interface LedgerBatch {
  readonly deposits: readonly LedgerDeposit[]
  readonly records: readonly string[]
}
