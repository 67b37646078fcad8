import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { JobRecord } from '@infernet/schemas/job-record'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

/** Longest id that is looked up; engines' own are below 100. */
const MAX_ID_CHARS = 256

/**
 * GET /v1/generation?id=: what an answer cost and how it went, by its `id` or its job's, in
 * OpenRouter's words. Costs are in msat.
 */
export function generation(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/', async (c) => {
    const { accountId } = await identify(services, c)
    const id = c.req.query('id')
    if (id === undefined || id === '' || id.length > MAX_ID_CHARS) {
      throw apiErrors.invalidRequest("Missing or invalid query parameter 'id'.", 'id')
    }
    await services.accounts.flush(accountId)
    const job = await services.store.findJob(accountId, id)
    if (job === undefined) throw generationNotFound(id)
    return answer(services, c, { data: generationObject(job.record) })
  })
  return app
}

/** `null` is what we do not measure (yet). */
function generationObject(record: JobRecord): Record<string, unknown> {
  const { firstByteMs, totalMs, promptTokens, completionTokens, costMsat } = record
  return {
    id: record.generationId ?? record.id,
    request_id: record.requestId,
    upstream_id: record.id,
    model: record.model,
    provider_name: record.providerId,
    provider_responses: [
      ...record.priorLegs.map((leg) => ({
        provider_name: leg.providerId,
        tokens_completion: leg.completionTokens,
        cost: leg.costMsat,
        status: 'failed',
      })),
      ...(record.providerId === null
        ? []
        : [
            {
              provider_name: record.providerId,
              tokens_completion: completionTokens - sumOf(record, 'completionTokens'),
              cost: costMsat - sumOf(record, 'costMsat'),
              status: record.status,
            },
          ]),
    ],
    api_type: record.endpoint,
    created_at: new Date(record.createdAt).toISOString(),
    streamed: record.stream,
    cancelled: record.status === 'cancelled',
    status: record.status,
    error_code: record.errorCode,
    finish_reason: record.finishReason,
    native_finish_reason: record.finishReason,
    latency: firstByteMs,
    generation_time: firstByteMs === null ? null : totalMs - firstByteMs,
    moderation_latency: null,
    tokens_prompt: promptTokens,
    tokens_completion: completionTokens,
    native_tokens_prompt: promptTokens,
    native_tokens_completion: record.claimedTokens,
    native_tokens_reasoning: null,
    native_tokens_cached: null,
    usage: costMsat,
    total_cost: costMsat,
    total_cost_sat: costMsat / 1000,
    upstream_inference_cost: costMsat,
    router: record.attempts > 1 ? 'retried' : 'direct',
  }
}

const sumOf = (record: JobRecord, field: 'completionTokens' | 'costMsat'): number =>
  record.priorLegs.reduce((sum, leg) => sum + leg[field], 0)

const generationNotFound = (id: string): ApiError =>
  new ApiError({
    status: 404,
    type: 'invalid_request_error',
    code: 'generation_not_found',
    param: 'id',
    message: `No generation '${id.slice(0, 60)}' belongs to this account.`,
  })
