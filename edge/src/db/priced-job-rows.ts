import { z } from 'zod'
import type { AccountId, ApiKeyId, JobId, RequestId } from '@infernet/schemas/ids'
import type { escrows, pricedJobs } from '@infernet/schemas/settlement-tables'
import { PRICED_JOB_ENDPOINTS } from '@infernet/openai-compat/priced-job-endpoints'
import { escrowOf } from '@infernet/settlement/escrow/escrow-row'
import type { JobEscrow, PricedJobOrder, StoredPricedJob } from '../billing/priced-jobs-port.ts'

const errorSchema = z.object({
  message: z.string(),
  type: z.string(),
  param: z.string().nullable(),
  code: z.string().nullable(),
})
type JobRow = Omit<typeof pricedJobs.$inferSelect, 'request' | 'result'> & {
  readonly metadata: string
}

const metadataSchema = z.record(z.string(), z.string())

/** Both JSON, which has no line breaks: a list reads the second line without parsing the first. */
export const withMetadata = ({ request, metadata }: StoredRequest): string =>
  `${request.replaceAll('\n', ' ')}\n${JSON.stringify(metadata)}`

export function requestOf(text: string): StoredRequest {
  const [request = '', metadata = '{}'] = text.split('\n')
  return { request, metadata: metadataSchema.parse(JSON.parse(metadata)) }
}

type StoredRequest = Pick<PricedJobOrder, 'request' | 'metadata'>

/** A job with the escrow that there may be. */
export const storedOf = (
  row: JobRow,
  escrow: typeof escrows.$inferSelect | null,
): StoredPricedJob => ({
  id: row.id as JobId,
  accountId: row.accountId as AccountId,
  apiKeyId: row.apiKeyId as ApiKeyId,
  requestId: row.requestId as RequestId,
  endpoint: z.enum(PRICED_JOB_ENDPOINTS).parse(row.endpoint),
  model: row.model,
  metadata: metadataSchema.parse(JSON.parse(row.metadata)),
  priceMsat: row.priceMsat,
  feeBps: row.feeBps,
  createdAt: row.createdAt.getTime(),
  state: row.state,
  run: (row.claim ?? undefined) as JobId | undefined,
  providerId: row.providerId ?? undefined,
  error: errorSchema.nullable().parse(row.error) ?? undefined,
  finishedAt: row.finishedAt?.getTime(),
  escrow: escrow === null ? undefined : jobEscrowOf(escrow),
})

/** What is decided counts before the node has been told. */
function jobEscrowOf(row: typeof escrows.$inferSelect): JobEscrow {
  const { state, paymentHash, bolt11, expiresAt, decision, cancelReason } = escrowOf(row)
  const decided = decision?.kind === 'cancel' ? decision.reason : undefined
  return {
    state,
    paymentHash,
    bolt11,
    expiresAt,
    verdict: decision?.kind,
    cancelReason: cancelReason ?? decided,
  }
}
