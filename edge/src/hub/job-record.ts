import { billableTokens, makeUsage } from '@infernet/openai-compat/usage'
import type { Usage } from '@infernet/openai-compat/chat-types'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { End } from '@infernet/schemas/wire'
import { costMsat } from '@infernet/settlement/price'
import type { JobOrder } from '../ports.ts'
import type { Attempt } from './attempt.ts'

/** What was handed to the client. */
export interface Delivered {
  readonly usage: Usage | undefined
  readonly contentEvents: number
  readonly contentBytes: number
}

/**
 * The record that settles a job: the billing rule of `billableTokens` at the price the lease was
 * given at. A claim shown to the client (its usage chunk or body) goes before the provider's `end`,
 * so that nobody is billed other tokens than it saw; and no bill exceeds the hold.
 */
export function jobRecord(input: {
  readonly order: JobOrder
  readonly status: 'completed' | 'cancelled' | 'failed'
  readonly errorCode: string | null
  readonly attempts: number
  readonly attempt: Attempt | undefined
  readonly end: End | undefined
  readonly delivered: Delivered
  readonly firstByteAt: number | undefined
  readonly now: number
}): JobRecord {
  const { order, attempt, end, delivered } = input
  const claimed =
    delivered.usage ??
    (end === undefined
      ? undefined
      : makeUsage(end.usage.prompt_tokens, end.usage.completion_tokens))
  const billed = billableTokens({
    claimed,
    contentEvents: delivered.contentEvents,
    contentBytes: delivered.contentBytes,
    choices: order.n,
    requestBytes: order.body.length,
    messages: order.messages,
    ended: input.status === 'completed' ? 'complete' : 'cut',
  })
  const price = attempt?.price ?? { prompt: 0, completion: 0 }
  const completionTokens = Math.min(billed.completionTokens, order.maxOutputTokens * order.n)
  const cost = costMsat(price, billed.promptTokens, completionTokens)
  return {
    id: order.job,
    accountId: order.accountId,
    apiKeyId: order.apiKeyId,
    requestId: order.requestId,
    model: order.model,
    stream: order.stream,
    status: input.status,
    errorCode: input.errorCode,
    finishReason: input.status === 'completed' ? (end?.finish_reason ?? null) : null,
    providerId: attempt?.session.peer ?? null,
    lease: attempt?.lease ?? null,
    attempts: input.attempts,
    promptTokens: billed.promptTokens,
    completionTokens,
    claimedTokens: claimed?.completion_tokens ?? 0,
    holdMsat: order.holdMsat,
    costMsat: Math.min(cost, order.holdMsat),
    createdAt: order.createdAt,
    firstByteMs:
      input.firstByteAt === undefined ? null : Math.max(0, input.firstByteAt - order.createdAt),
    totalMs: Math.max(0, input.now - order.createdAt),
  }
}
