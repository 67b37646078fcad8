import { z } from 'zod'
import { flag, marketFields, positiveCount, samplingFields } from './request-fields.ts'

/** Prompts in one request: LangChain's batches have 20. Each multiplies the choices. */
export const MAX_PROMPTS = 32
/** Token ids in one prompt: above the longest context that is served anywhere. */
export const MAX_TOKEN_IDS = 1_048_576
/** OpenAI's limit. */
const MAX_LOGPROBS = 5
/** OpenAI's limit. */
const MAX_BEST_OF = 20

/** A prompt that the client has tokenized itself. */
export const tokenIds = z.array(z.int().min(0)).min(1).max(MAX_TOKEN_IDS)

/**
 * POST /v1/completions, field by field; loose, as the chat schema is. Rules that span fields are in
 * `completion-request.ts`.
 */
export const completionRequestSchema = z.looseObject({
  ...marketFields,
  ...samplingFields,
  prompt: z.union([
    z.string(),
    tokenIds,
    z.array(z.string()).min(1).max(MAX_PROMPTS),
    z.array(tokenIds).min(1).max(MAX_PROMPTS),
  ]),
  suffix: z.string().nullish(),
  echo: flag,
  max_tokens: positiveCount,
  best_of: z.int().min(0).max(MAX_BEST_OF).nullish(),
  logprobs: z.int().min(0).max(MAX_LOGPROBS).nullish(),
})

/** A request body after validation. Unknown fields are kept. */
export type CompletionRequestBody = z.output<typeof completionRequestSchema>
