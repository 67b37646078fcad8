import { apiErrors } from './api-errors.ts'
import { type ChatRequestBody, chatRequestSchema } from './chat-request-schema.ts'
import type { ProviderPreferences } from './provider-preferences.ts'
import { issueToError } from './zod-issue.ts'

/**
 * Nesting of the whole body. JSON.parse copes with any depth, but JSON.stringify recurses, so an
 * unbounded body could overflow the stack of whoever forwards it. Real tool schemas stay below 40.
 */
export const MAX_JSON_DEPTH = 100

/**
 * What a provider must be able to do to serve a request, in the words of the wire's capabilities
 * (those that no provider can declare yet find nobody, which is the truth).
 */
export type RequestNeed = 'tools' | 'vision' | 'audio' | 'files' | 'json_schema' | 'logprobs'

/** A validated chat completion request. */
export interface ChatRequest {
  /** The parsed body as the client sent it, unknown fields included. Not a copy. */
  body: ChatRequestBody
  model: string
  /** Further models to try, in order, when nobody can serve `model`. */
  fallbackModels: readonly string[]
  stream: boolean
  /** The client asked for the usage chunk. Engines are always asked for it. */
  includeUsage: boolean
  /** `max_completion_tokens ?? max_tokens`, per choice; undefined when the client set neither. */
  maxOutputTokens: number | undefined
  /** Choices to generate. */
  n: number
  needs: readonly RequestNeed[]
  provider: ProviderPreferences
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

function parseJson(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = strictUtf8.decode(bytes)
  } catch {
    throw apiErrors.invalidJson('it is not valid UTF-8')
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    // V8's message quotes the body, which may be private and would end up in logs.
    const position = /at position \d+/.exec(error instanceof Error ? error.message : '')?.[0]
    throw apiErrors.invalidJson(position ? `unexpected content ${position}` : 'it is not complete')
  }
}

function deeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (limit === 0) return true
  for (const child of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof child === 'object' && deeperThan(child, limit - 1)) return true
  }
  return false
}

/** Rules that span several fields. */
function checkCombinations(body: ChatRequestBody): void {
  if (body.stream_options && body.stream !== true) {
    throw apiErrors.invalidRequest(
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      'stream_options',
    )
  }
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

const PART_NEED: Partial<Record<string, RequestNeed>> = {
  image_url: 'vision',
  input_audio: 'audio',
  file: 'files',
}

function needsOf(body: ChatRequestBody): RequestNeed[] {
  const needs = new Set<RequestNeed>()
  if (body.tools?.length || body.functions?.length) needs.add('tools')
  if (body.response_format?.type === 'json_schema') needs.add('json_schema')
  if (body.logprobs === true) needs.add('logprobs')
  for (const { content } of body.messages) {
    if (!Array.isArray(content)) continue
    for (const part of content) {
      const need = PART_NEED[part.type]
      if (need) needs.add(need)
    }
  }
  return [...needs]
}

/**
 * Validates the JSON value of a chat completion request.
 *
 * @throws ApiError 400 with `param` naming the field, dotted (`messages.0.role`).
 */
export function checkChatRequest(value: unknown): ChatRequest {
  const checked = chatRequestSchema.safeParse(value)
  if (!checked.success) throw issueToError(checked.error.issues, value)
  if (deeperThan(value, MAX_JSON_DEPTH)) {
    throw apiErrors.invalidRequest(
      `The request body is nested deeper than ${MAX_JSON_DEPTH} levels.`,
    )
  }
  // The schema changes no value, so the client's own object is the same thing with less garbage.
  const body = value as ChatRequestBody
  checkCombinations(body)
  return {
    body,
    model: body.model,
    fallbackModels: body.models ?? [],
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    maxOutputTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    n: body.n ?? 1,
    needs: needsOf(body),
    provider: body.provider ?? {},
  }
}

/**
 * Reads and validates the body of POST /v1/chat/completions. The bytes are decoded (strictly) and
 * parsed exactly once; the caller has already bounded their number.
 *
 * @throws ApiError 400: not UTF-8, not JSON, or a field that OpenAI's API would refuse.
 */
export function parseChatRequest(bytes: Uint8Array): ChatRequest {
  return checkChatRequest(parseJson(bytes))
}
