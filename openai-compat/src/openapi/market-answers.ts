import { auditReportSchema } from '@infernet/schemas/audit-report'
import { countersignatureSchema } from '@infernet/schemas/delivery-statement'
import { receiptStatementSchema, signedReceiptSchema } from '@infernet/schemas/receipt'
import { ENDPOINTS } from '@infernet/schemas/wire'
import { z } from 'zod'

/** What the edge says about models, keys and past answers. These objects are all its own. */

const count = z.int().min(0)
const unixSeconds = z.int().min(0).describe('Unix seconds')
const ms = count.describe('ms')
const msat = count.describe('msat')
const msatText = z.string().regex(/^\d+$/).describe('msat')
const perToken = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .describe('msat, a decimal')
const names = z.array(z.string())
const endpoints = z.array(z.enum(ENDPOINTS))

const pricing = z.object({
  prompt: perToken,
  completion: perToken,
  request: perToken,
  image: perToken,
})
const architecture = z.object({
  modality: z.string(),
  input_modalities: names,
  output_modalities: names,
})

export const modelSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  canonical_slug: z.string(),
  name: z.string(),
  created: unixSeconds,
  owned_by: z.string(),
  context_length: count,
  architecture,
  pricing,
  top_provider: z.object({
    context_length: count,
    max_completion_tokens: count.nullable(),
    is_moderated: z.boolean(),
  }),
  per_request_limits: z.null(),
  supported_parameters: names,
  capabilities: names,
  endpoints,
  quantizations: names,
  providers: count.describe('Providers that serve it now'),
})

export const modelsListSchema = z.object({
  object: z.literal('list'),
  data: z.array(modelSchema),
})

const median = z.object({ p50: z.number().min(0) }).nullable()

export const modelEndpointsSchema = z.object({
  data: z.object({
    id: z.string(),
    name: z.string(),
    created: unixSeconds,
    architecture,
    endpoints: z.array(
      z.object({
        name: z.string(),
        provider_name: z.string().describe('Peer id: what `provider.order` and its kin name'),
        model_id: z.string(),
        context_length: count,
        max_completion_tokens: count.nullable(),
        max_prompt_tokens: count,
        pricing,
        quantization: z.string(),
        supported_parameters: names,
        capabilities: names,
        endpoints,
        latency: median.describe('Seconds to the first token'),
        throughput: median.describe('Tokens per second'),
        uptime: z.number().min(0).max(1).nullable().describe('Share of jobs that did not fail'),
        status: z.int().describe('0: takes jobs now; below 0: does not'),
      }),
    ),
  }),
})

const finishReason = z.string().nullable()

export const generationSchema = z.object({
  data: z.object({
    id: z.string(),
    request_id: z.string(),
    upstream_id: z.string().describe('The id of the job'),
    model: z.string(),
    provider_name: z.string().nullable(),
    provider_responses: z.array(
      z.object({
        provider_name: z.string(),
        tokens_completion: count,
        cost: msat,
        status: z.string(),
      }),
    ),
    api_type: z.string(),
    created_at: z.string(),
    streamed: z.boolean(),
    cancelled: z.boolean(),
    status: z.string(),
    error_code: z.string().nullable(),
    finish_reason: finishReason,
    native_finish_reason: finishReason,
    latency: ms.nullable(),
    generation_time: ms.nullable(),
    moderation_latency: z.null(),
    tokens_prompt: count,
    tokens_completion: count,
    native_tokens_prompt: count,
    native_tokens_completion: count.nullable(),
    native_tokens_reasoning: count.nullable(),
    native_tokens_cached: count.nullable(),
    usage: msat,
    total_cost: msat,
    total_cost_sat: z.number().min(0),
    upstream_inference_cost: msat,
    router: z.enum(['direct', 'retried']),
  }),
})

export const receiptSchema = z.object({
  id: z.string(),
  object: z.literal('receipt'),
  created: unixSeconds,
  request_id: z.string(),
  model: z.string(),
  status: z.string(),
  finish_reason: finishReason,
  error_code: z.string().nullable(),
  provider: z.string().nullable(),
  lease: z.string().nullable(),
  attempts: count,
  usage: z.object({ prompt_tokens: count, completion_tokens: count, total_tokens: count }),
  cost_msat: msatText,
  hold_msat: msatText,
  first_byte_ms: ms.nullable(),
  total_ms: ms,
  signed: signedReceiptSchema
    .nullable()
    .describe('Null while the provider has not signed: ask again, it may be on its way'),
  statement: receiptStatementSchema.nullable().describe('What is signed, decoded'),
  countersigned: countersignatureSchema
    .nullable()
    .describe('What the edge has signed, by the key of `GET /v1/edge-key`; null where it has none'),
  audits: z
    .array(
      z.object({
        lease: z.string(),
        spec: z.string(),
        epoch: count.describe('See `GET /v1/audit-epochs`'),
        rate: z.number().min(0).max(1).describe('The share of answers that were selected'),
        verdict: z.enum(['pass', 'fail', 'inconclusive', 'unopened']),
        log_e: z.number().describe('ln of the evidence that this answer is not what was promised'),
        report: auditReportSchema,
        judged_at: unixSeconds,
      }),
    )
    .describe('Empty unless the answer was one of those that are looked at'),
})

const limit = z.int().min(1).nullable()
const amount = msatText.nullable()
const rateWindow = z.object({ limit: count, remaining: count, reset_ms: ms }).nullable()

const scopeUsage = z.object({
  limits: z.object({
    requests_per_minute: limit,
    tokens_per_minute: limit,
    max_concurrent: limit,
    budget_msat_per_day: amount,
  }),
  spent_today_msat: amount,
  reserved_msat: amount,
  open_jobs: count.nullable(),
  budget_left_msat: amount,
  requests: rateWindow,
  tokens: rateWindow,
})

export const keyInfoSchema = z.object({
  data: z.object({
    id: z.string(),
    limit: amount.describe('The budget of a day, in msat; null without one'),
    limit_remaining: amount,
    limit_reset: z.literal('daily').nullable(),
    usage_daily: amount,
    key: scopeUsage,
    account: scopeUsage.extend({ id: z.string() }),
  }),
})

const sat = z.number().min(0).describe('sat')
export const creditsSchema = z.object({
  data: z.object({
    total_credits: msat,
    total_usage: msat,
    total_credits_sat: sat,
    total_usage_sat: sat,
    available_msat: msatText.describe('What may be spent now, msat'),
    reserved_msat: msatText.describe('Held for running requests, msat'),
  }),
})

export const usageListSchema = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('usage.day'),
      date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
      model: z.string(),
      requests: count,
      prompt_tokens: count,
      completion_tokens: count,
      cost_msat: msatText.describe('msat'),
    }),
  ),
  has_more: z.boolean().describe('There are more than are listed: ask for fewer days'),
})

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
export const auditEpochsSchema = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('audit_epoch'),
      epoch: count,
      starts_at: unixSeconds,
      ends_at: unixSeconds,
      key_sha256: sha256.describe('SHA-256 of the key, hex: the same before and after'),
      reveal_at: unixSeconds,
      key: sha256
        .nullable()
        .describe(
          'The key, hex, from `reveal_at` on. A job is audited when the first 64 bits of ' +
            'HMAC-SHA256(key, job id) are below rate · 2^64',
        ),
    }),
  ),
})

const tails = z
  .array(z.object({ above: z.number().min(0), rate: z.number().min(0).max(1) }))
  .describe('At most `rate` of honest tokens are above so many nats')
export const calibrationAnswerSchema = z.object({
  object: z.literal('calibration'),
  spec: sha256,
  calibration: z.object({
    v: z.literal(1),
    requests: count,
    tokens: count,
    excess: tails,
    lpDifference: tails,
  }),
})

export const healthSchema = z.object({ status: z.literal('ok') })

const check = z.enum(['ok', 'unreachable'])
export const readinessSchema = z.object({
  status: z.enum(['ready', 'not_ready']),
  database: check,
  hub: check,
  models: count,
})

export const openApiSchema = z.looseObject({
  openapi: z.literal('3.1.0'),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  paths: z.record(z.string().regex(/^\//), z.looseObject({})),
})
