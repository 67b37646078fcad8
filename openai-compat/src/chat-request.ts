import type { CapabilityName } from '@infernet/schemas/wire'
import { apiErrors } from './api-errors.ts'
import { type ChatRequestBody, chatRequestSchema } from './chat-request-schema.ts'
import {
  checkVerify,
  deliveryOf,
  type InferenceRequest,
  marketOf,
  samplingNeeds,
} from './inference-request.ts'
import { parseJsonBody } from './json-body.ts'
import { checkShape } from './zod-issue.ts'

/** A validated chat completion request. */
export interface ChatRequest extends InferenceRequest {
  readonly endpoint: 'chat.completions'
  /** The parsed body as the client sent it, unknown fields included. Not a copy. */
  readonly body: ChatRequestBody
}

/** Rules that span several fields. */
function checkCombinations(body: ChatRequestBody): void {
  if (body.top_logprobs && body.logprobs !== true) {
    throw apiErrors.invalidRequest(
      "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
      'top_logprobs',
    )
  }
  const choice = body.tool_choice
  // 'none' and 'auto' without tools are harmless, and some clients always send them.
  if (choice && choice !== 'none' && choice !== 'auto' && !body.tools?.length) {
    throw apiErrors.invalidRequest(
      "The 'tool_choice' parameter is only allowed when 'tools' are specified.",
      'tool_choice',
    )
  }
  if (typeof choice === 'string' && !['none', 'auto', 'required'].includes(choice)) {
    throw apiErrors.invalidRequest(
      "Invalid 'tool_choice': expected one of 'none', 'auto', 'required', or an object.",
      'tool_choice',
      'invalid_value',
    )
  }
  for (const [i, message] of body.messages.entries()) {
    if (message.role !== 'assistant' || typeof message.content === 'string') continue
    const speaks = message.content || message.refusal || message.audio
    if (!speaks && !message.tool_calls?.length && !message.function_call) {
      throw apiErrors.invalidRequest(
        "An assistant message needs 'content' unless it has 'tool_calls' or 'function_call'.",
        `messages.${i}.content`,
        'missing_required_parameter',
      )
    }
  }
}

const PART_NEED: Partial<Record<string, CapabilityName>> = {
  image_url: 'vision',
  input_audio: 'audio',
  file: 'files',
}

function needsOf(body: ChatRequestBody): CapabilityName[] {
  const needs = new Set<CapabilityName>()
  if (body.tools?.length || body.functions?.length) needs.add('tools')
  const format = body.response_format?.type ?? 'text'
  if (format !== 'text') needs.add('json_schema')
  if (body.logprobs === true) needs.add('logprobs')
  for (const { content } of body.messages) {
    if (!Array.isArray(content)) continue
    for (const part of content) {
      const need = PART_NEED[part.type]
      if (need) needs.add(need)
    }
  }
  return [...needs, ...samplingNeeds(body, body.n ?? 1)]
}

/**
 * Validates the JSON value of a chat completion request, as `parseJsonBody` returns it or as a
 * conversion from another API made it.
 *
 * @throws ApiError 400 with `param` naming the field, dotted (`messages.0.role`).
 */
export function checkChatRequest(value: unknown): ChatRequest {
  checkShape(chatRequestSchema, value)
  checkCombinations(value)
  checkVerify(value, 'chat.completions', value.n ?? 1)
  return {
    endpoint: 'chat.completions',
    body: value,
    ...marketOf(value),
    ...deliveryOf(value),
    maxOutputTokens: value.max_completion_tokens ?? value.max_tokens ?? undefined,
    n: value.n ?? 1,
    messages: value.messages.length,
    needs: needsOf(value),
  }
}

/**
 * Reads and validates the body of POST /v1/chat/completions. The bytes are decoded (strictly) and
 * parsed exactly once; the caller has already bounded their number.
 *
 * @throws ApiError 400: not UTF-8, not JSON, or a field that OpenAI's API would refuse.
 */
export function parseChatRequest(bytes: Uint8Array): ChatRequest {
  return checkChatRequest(parseJsonBody(bytes))
}
