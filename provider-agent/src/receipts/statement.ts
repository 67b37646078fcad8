import type { ReceiptStatement } from '@infernet/schemas/receipt'
import type { PeerId } from '@infernet/schemas/peer-id'
import { claimOf } from '../claims/claim.ts'
import type { JobOutcome } from '../jobs/job.ts'

/**
 * The statement the provider signs for a job, or undefined for one that delivered nothing and so
 * has nothing to claim.
 */
export function statementOf(
  outcome: JobOutcome,
  provider: PeerId,
  engine: string,
): ReceiptStatement | undefined {
  if (outcome.outputBytes === 0) return undefined
  const { header, usage, evidence } = outcome
  return {
    v: 1,
    job: header.job,
    lease: header.lease,
    provider,
    model: header.model,
    engine,
    usage: {
      prompt_tokens: usage.prompt_tokens,
      completion_tokens: usage.completion_tokens,
      ...(usage.cached_tokens === undefined ? {} : { cached_tokens: usage.cached_tokens }),
    },
    price: header.price,
    finish_reason: outcome.finishReason,
    output_sha256: outcome.outputSha256,
    output_bytes: outcome.outputBytes,
    ...(evidence === undefined ? {} : { claim: claimOf(evidence) }),
    started_at: outcome.startedAt,
    ended_at: outcome.endedAt,
  }
}
