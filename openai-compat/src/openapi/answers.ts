import { z } from 'zod'
import { verificationNoteSchema } from '../verification-note.ts'
import { challengeSchema } from './l402-schemas.ts'

/**
 * What the inference endpoints answer, as the document shows it. What comes from an engine is loose:
 * its own extra fields reach the client.
 */

const count = z.int().min(0)
const unixSeconds = z.int().min(0).describe('Unix seconds')

/** What was billed, and what it cost. Embeddings have no completion. */
const cost = {
  cost: count.optional().describe('msat'),
  cost_sat: z.number().min(0).optional().describe('The same in satoshi'),
}

export const usageSchema = z.looseObject({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.looseObject({ cached_tokens: count.optional() }).optional(),
  completion_tokens_details: z.looseObject({ reasoning_tokens: count.optional() }).optional(),
  ...cost,
})

const topLogprob = z.looseObject({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int().min(0).max(255)).nullish(),
})
const tokenLogprobs = z.array(topLogprob.extend({ top_logprobs: z.array(topLogprob) })).nullish()
const chatLogprobs = z.looseObject({ content: tokenLogprobs, refusal: tokenLogprobs }).nullish()

const FINISH_REASONS = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'] as const
const finishReason = z.enum(FINISH_REASONS)
/** `error` is in the chunk that ends a stream which failed. */
const chunkFinishReason = z.enum([...FINISH_REASONS, 'error']).nullable()

const head = { id: z.string(), created: unixSeconds, model: z.string() }
const note = verificationNoteSchema.optional().describe('With `provider.verify: "strict"`')
const fingerprint = z.string().nullish()

const functionCall = z.looseObject({ name: z.string(), arguments: z.string() })
const toolCall = z.looseObject({
  id: z.string(),
  type: z.literal('function'),
  function: functionCall,
})

export const chatCompletionSchema = z.looseObject({
  ...head,
  object: z.literal('chat.completion'),
  system_fingerprint: fingerprint,
  choices: z.array(
    z.looseObject({
      index: count,
      message: z.looseObject({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        refusal: z.string().nullish(),
        reasoning_content: z.string().nullish(),
        tool_calls: z.array(toolCall).nullish(),
      }),
      logprobs: chatLogprobs,
      finish_reason: finishReason,
    }),
  ),
  usage: usageSchema,
  infernet: note,
})

/** What a stream ends with instead of `[DONE]` when it failed after its first chunk. */
const inBandError = z
  .looseObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  })
  .optional()

export const chatChunkSchema = z.looseObject({
  ...head,
  object: z.literal('chat.completion.chunk'),
  system_fingerprint: fingerprint,
  choices: z
    .array(
      z.looseObject({
        index: count,
        delta: z.looseObject({
          role: z.literal('assistant').optional(),
          content: z.string().nullish(),
          refusal: z.string().nullish(),
          reasoning_content: z.string().nullish(),
          tool_calls: z
            .array(
              z.looseObject({
                index: count,
                id: z.string().nullish(),
                type: z.literal('function').nullish(),
                function: functionCall.partial().optional(),
              }),
            )
            .nullish(),
        }),
        logprobs: chatLogprobs,
        finish_reason: chunkFinishReason,
      }),
    )
    .describe('Empty in the chunks that have the usage and the verdict'),
  usage: usageSchema.nullish(),
  infernet: note,
  error: inBandError,
})

const legacyLogprobs = z
  .looseObject({
    tokens: z.array(z.string()).nullish(),
    token_logprobs: z.array(z.number().nullable()).nullish(),
    top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullish(),
    text_offset: z.array(count).nullish(),
  })
  .nullish()

export const completionSchema = z.looseObject({
  ...head,
  object: z.literal('text_completion'),
  system_fingerprint: fingerprint,
  choices: z.array(
    z.looseObject({
      index: count,
      text: z.string(),
      logprobs: legacyLogprobs,
      finish_reason: finishReason,
    }),
  ),
  usage: usageSchema,
  infernet: note,
})

export const completionChunkSchema = z.looseObject({
  ...head,
  object: z.literal('text_completion'),
  system_fingerprint: fingerprint,
  choices: z.array(
    z.looseObject({
      index: count,
      text: z.string(),
      logprobs: legacyLogprobs,
      finish_reason: chunkFinishReason,
    }),
  ),
  usage: usageSchema.nullish(),
  infernet: note,
  error: inBandError,
})

export const embeddingsSchema = z.looseObject({
  object: z.literal('list'),
  model: z.string(),
  data: z.array(
    z.looseObject({
      object: z.literal('embedding'),
      index: count,
      embedding: z
        .union([z.array(z.number()), z.string()])
        .describe('Numbers, or with `encoding_format: base64` their little-endian float32s'),
    }),
  ),
  usage: z.looseObject({ prompt_tokens: count, total_tokens: count, ...cost }),
})

/** OpenAI's ErrorResponse: all four keys are always there. */
export const errorSchema = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.enum([
      'invalid_request_error',
      'insufficient_quota',
      'rate_limit_error',
      'server_error',
      'overloaded_error',
    ]),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
  l402: challengeSchema.optional(),
})
