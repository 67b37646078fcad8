import type { StreamLeg } from '@infernet/openai-compat/stream-meter'
import {
  billableEmbeddings,
  billableLegs,
  makeUsage,
  type BilledTokens,
} from '@infernet/openai-compat/usage'
import type { JobRecord, PriorLeg } from '@infernet/schemas/job-record'
import type { End } from '@infernet/schemas/wire'
import { costMsat } from '@infernet/settlement/price'
import type { JobOrder } from '../ports.ts'
import type { Attempt } from './attempt.ts'

/** A lease that had a part in the answer, with the provider's last word. */
export interface Leg {
  readonly attempt: Attempt
  readonly end: End | undefined
}

const NOTHING: StreamLeg = { contentEvents: 0, contentBytes: 0, usage: undefined, ended: false }

/** A leg with its bill. */
interface BilledLeg extends BilledTokens {
  readonly leg: Leg
  readonly claimedTokens: number
  readonly costMsat: number
}

/**
 * The record that settles a job: the billing rule of `billableLegs` at the prices the leases were
 * given at. A claim shown to the client (its usage chunk or body) goes before the provider's `end`,
 * so that nobody is billed other tokens than it saw; and no bill exceeds the hold.
 */
export function jobRecord(input: {
  readonly order: JobOrder
  readonly status: 'completed' | 'cancelled' | 'failed'
  readonly errorCode: string | null
  readonly finishReason: string | null
  /** The answer's own id, where it has one. */
  readonly generationId: string | null
  readonly attempts: number
  /** In their order; the last one ended the answer, or was asked last. */
  readonly legs: readonly Leg[]
  /** What each leg handed to the client, in the same order; nothing where it is absent. */
  readonly delivered: readonly StreamLeg[]
  readonly firstByteAt: number | undefined
  readonly now: number
}): JobRecord {
  const { order, firstByteAt } = input
  const billed = billLegs(order, input.legs, input.delivered)
  const last = billed.at(-1)
  const sum = (of: (leg: BilledLeg) => number): number =>
    billed.reduce((total, leg) => total + of(leg), 0)
  return {
    id: order.job,
    accountId: order.accountId,
    apiKeyId: order.apiKeyId,
    requestId: order.requestId,
    endpoint: order.rules.endpoint,
    model: order.model,
    generationId: input.generationId,
    stream: order.stream,
    status: input.status,
    errorCode: input.errorCode,
    finishReason: input.status === 'completed' ? input.finishReason : null,
    providerId: last?.leg.attempt.session.peer ?? null,
    lease: last?.leg.attempt.lease ?? null,
    attempts: input.attempts,
    priorLegs: billed.slice(0, -1).map(priorLeg),
    promptTokens: sum((leg) => leg.promptTokens),
    completionTokens: sum((leg) => leg.completionTokens),
    claimedTokens: sum((leg) => leg.claimedTokens),
    holdMsat: order.holdMsat,
    costMsat: sum((leg) => leg.costMsat),
    createdAt: order.createdAt,
    firstByteMs: firstByteAt === undefined ? null : Math.max(0, firstByteAt - order.createdAt),
    totalMs: Math.max(0, input.now - order.createdAt),
  }
}

function billLegs(
  order: JobOrder,
  legs: readonly Leg[],
  delivered: readonly StreamLeg[],
): BilledLeg[] {
  const parts = legs.map((leg, i) => {
    const part = delivered[i] ?? NOTHING
    return { ...part, leg, claimed: part.usage ?? claimOf(leg.end) }
  })
  const tokens = billableTokensOf(order, parts)
  let left = order.holdMsat
  return parts.map(({ leg, claimed }, i) => {
    const { promptTokens, completionTokens } = tokens[i] ?? { promptTokens: 0, completionTokens: 0 }
    const cost = Math.min(left, costMsat(leg.attempt.price, promptTokens, completionTokens))
    left -= cost
    const claimedTokens = claimed?.completion_tokens ?? 0
    return { leg, promptTokens, completionTokens, claimedTokens, costMsat: cost }
  })
}

type Part = StreamLeg & { readonly claimed: StreamLeg['usage'] }

function billableTokensOf(order: JobOrder, parts: readonly Part[]): BilledTokens[] {
  const requestBytes = order.body.length
  if (order.rules.endpoint === 'embeddings') {
    return parts.map(({ claimed, contentBytes }) =>
      contentBytes === 0
        ? { promptTokens: 0, completionTokens: 0 }
        : billableEmbeddings({ claimed, requestBytes }),
    )
  }
  return billableLegs({
    choices: order.n,
    requestBytes,
    messages: order.messages,
    maxCompletionTokens: order.maxOutputTokens * order.n,
    legs: parts.map((part) => ({ ...part, ended: part.ended ? 'complete' : 'cut' })),
  })
}

const claimOf = (end: End | undefined): StreamLeg['usage'] =>
  end && makeUsage(end.usage.prompt_tokens, end.usage.completion_tokens)

const priorLeg = ({ leg: { attempt }, ...bill }: BilledLeg): PriorLeg => ({
  providerId: attempt.session.peer,
  lease: attempt.lease,
  promptTokens: bill.promptTokens,
  completionTokens: bill.completionTokens,
  claimedTokens: bill.claimedTokens,
  costMsat: bill.costMsat,
})
