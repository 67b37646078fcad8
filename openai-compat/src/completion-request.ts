import { apiErrors } from './api-errors.ts'
import { type CompletionRequestBody, completionRequestSchema } from './completion-request-schema.ts'
import {
  checkVerify,
  deliveryOf,
  type InferenceRequest,
  marketOf,
  samplingNeeds,
} from './inference-request.ts'
import { parseJsonBody } from './json-body.ts'
import { checkShape } from './zod-issue.ts'

/** Choices over all prompts of one request: each one is reserved, generated and metered. */
export const MAX_COMPLETION_CHOICES = 32

/** OpenAI's default of `max_tokens`, unlike that of chat completions. */
export const DEFAULT_COMPLETION_TOKENS = 16

/** A validated completion request. */
export interface CompletionRequest extends InferenceRequest {
  readonly endpoint: 'completions'
  /** The parsed body as the client sent it, unknown fields included. Not a copy. */
  readonly body: CompletionRequestBody
  readonly maxOutputTokens: number
}

/** A list of numbers is one prompt, any other list is one prompt per item. */
function promptsOf({ prompt }: CompletionRequestBody): number {
  return Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt.length : 1
}

/** Rules that span several fields. */
function checkCombinations(body: CompletionRequestBody, choices: number): void {
  if (choices > MAX_COMPLETION_CHOICES) {
    throw apiErrors.invalidRequest(
      `Invalid 'prompt': 'n' times the number of prompts is ${choices}, expected at most ${MAX_COMPLETION_CHOICES}.`,
      'prompt',
      'above_max_value',
    )
  }
  const n = body.n ?? 1
  const bestOf = body.best_of ?? n
  if (bestOf < n) {
    throw apiErrors.invalidRequest(
      `Invalid 'best_of': expected a value of at least 'n', which is ${n}.`,
      'best_of',
      'below_min_value',
    )
  }
  if (bestOf > n) {
    throw apiErrors.invalidRequest(
      "Invalid 'best_of': the engines here do not rank candidates; expected the value of 'n'.",
      'best_of',
      'unsupported_value',
    )
  }
}

/**
 * Validates the JSON value of a completion request, as `parseJsonBody` returns it.
 *
 * @throws ApiError 400 with `param` naming the field, dotted (`prompt.0`).
 */
export function checkCompletionRequest(value: unknown): CompletionRequest {
  checkShape(completionRequestSchema, value)
  const prompts = promptsOf(value)
  const choices = prompts * (value.n ?? 1)
  checkCombinations(value, choices)
  checkVerify(value, 'completions', choices)
  return {
    endpoint: 'completions',
    body: value,
    ...marketOf(value),
    ...deliveryOf(value),
    maxOutputTokens: value.max_tokens ?? DEFAULT_COMPLETION_TOKENS,
    n: choices,
    messages: prompts,
    needs: [
      ...(typeof value.logprobs === 'number' ? (['logprobs'] as const) : []),
      ...samplingNeeds(value, choices),
    ],
  }
}

/**
 * Reads and validates the body of POST /v1/completions.
 *
 * @throws ApiError 400: not UTF-8, not JSON, or a field that OpenAI's API would refuse.
 */
export function parseCompletionRequest(bytes: Uint8Array): CompletionRequest {
  return checkCompletionRequest(parseJsonBody(bytes))
}
