import type { ProviderPreferences } from '@infernet/openai-compat/provider-preferences'
import { maxPromptTokens } from '@infernet/openai-compat/usage'
import { withoutMember } from '@infernet/openai-compat/without-member'
import { newJobId, type RequestId } from '@infernet/schemas/ids'
import { MAX_OUTPUT_TOKENS } from '@infernet/schemas/limits'
import { costMsat } from '@infernet/settlement/price'
import type { Identity } from '../auth/identity.ts'
import type { JobOrder, Verification } from '../ports.ts'
import type { RequestTrace } from '../telemetry/request-spans.ts'
import type { ParsedRequest } from './client-api.ts'
import { requestRules } from './request-rules.ts'
import type { ModelChoice } from './served-models.ts'

/** The most that a request can use and cost, msat, and who may serve it. */
export function requestMaximum({ request, body }: ParsedRequest, choice: ModelChoice) {
  const { contextLength } = choice.model
  const rules = requestRules(request, choice)
  const generates = request.endpoint !== 'embeddings'
  const maxOutputTokens = Math.min(
    request.maxOutputTokens ?? contextLength,
    contextLength,
    MAX_OUTPUT_TOKENS,
  )
  const bound = maxPromptTokens(body.length, request.messages)
  // Each input of an embeddings request has the whole context for itself.
  const promptTokens = generates ? Math.min(bound, contextLength) : bound
  const outputTokens = generates ? maxOutputTokens * request.n : 0
  const maxTokens = promptTokens + outputTokens
  const holdMsat = costMsat(rules.maxPrice, promptTokens, outputTokens)
  return { rules, maxOutputTokens, maxTokens, holdMsat }
}

/** A job for one of the request's models, with the most that it can use and cost. */
export function jobOrder(input: {
  readonly identity: Identity
  readonly requestId: RequestId
  readonly parsed: ParsedRequest
  readonly choice: ModelChoice
  readonly createdAt: number
  readonly now: number
  readonly trace: RequestTrace | undefined
  /** The client wants to know how its request is routed. */
  readonly explain: boolean
}): JobOrder {
  const { identity, parsed, choice } = input
  const { request, body } = parsed
  const { rules, maxOutputTokens, maxTokens, holdMsat } = requestMaximum(parsed, choice)
  const verification = verificationOf(request.provider)
  return {
    accountId: identity.accountId,
    apiKeyId: identity.apiKeyId,
    job: newJobId(input.now),
    requestId: input.requestId,
    model: choice.model.id,
    stream: request.stream,
    continuable: parsed.continuable,
    includeUsage: request.includeUsage,
    ...(input.explain ? { routing: { requested: request.model } } : {}),
    n: request.n,
    maxOutputTokens,
    messages: request.messages,
    rules,
    maxTokens,
    ...(verification === undefined ? {} : { verification }),
    holdMsat,
    body: isPlain(request.provider) ? body : withoutMember(body, 'provider'),
    createdAt: input.createdAt,
    ...(input.trace === undefined ? {} : { trace: input.trace }),
  }
}

/** What a request says of it, where that is not what any other has. */
function verificationOf({ verify, open_audit }: ProviderPreferences): Verification | undefined {
  const isOpen = open_audit === true
  const mode = verify ?? 'sampled'
  return mode === 'sampled' && !isOpen ? undefined : { mode, isOpen }
}

/** What a client wants of the edge is not told: a provider must not know what is verified, or what is bid. */
const isPlain = (preferences: ProviderPreferences): boolean => Object.keys(preferences).length === 0
