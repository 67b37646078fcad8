import { receiptHash, type DeliveryStatement } from '@infernet/schemas/delivery-statement'
import type { JobId, LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { StoredJob } from '../ports.ts'
import { unixSeconds } from '../unix-seconds.ts'

/** What an edge signs of a job: a function of its stored row and receipt, so that it always says the same. */
export const deliveryOf = ({ record, receipt }: StoredJob): Omit<DeliveryStatement, 'issuer'> => ({
  v: 1,
  job: record.id as JobId,
  lease: record.lease as LeaseId | null,
  provider: record.providerId as PeerId | null,
  model: record.model,
  status: record.status,
  finish_reason: record.finishReason,
  usage: { prompt_tokens: record.promptTokens, completion_tokens: record.completionTokens },
  cost_msat: String(record.costMsat),
  prior_legs: record.priorLegs.map((leg) => ({
    lease: leg.lease as LeaseId,
    provider: leg.providerId as PeerId,
    usage: { prompt_tokens: leg.promptTokens, completion_tokens: leg.completionTokens },
    cost_msat: String(leg.costMsat),
  })),
  created: unixSeconds(record.createdAt),
  first_byte_ms: record.firstByteMs,
  total_ms: record.totalMs,
  receipt_sha256: receipt === undefined ? null : receiptHash(receipt),
})
