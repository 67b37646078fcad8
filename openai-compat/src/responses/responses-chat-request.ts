import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { apiErrors } from '../api-errors.ts'
import { type ChatRequest, checkChatRequest } from '../chat-request.ts'
import { MAX_MESSAGES } from '../chat-request-schema.ts'
import { inputMessages } from './input-messages.ts'
import type { ResponsesRequestBody, SpokenItem } from './responses-request-schema.ts'
import { listedTools, shownFunctions, type ShownFunction } from './shown-tools.ts'

const LOGPROBS = 'message.output_text.logprobs'

/** What becomes of fields here, so that they do not go on as they are; and chat's own names for them. */
const CONVERTED = new Set([
  'background',
  'context_management',
  'conversation',
  'include',
  'input',
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'previous_response_id',
  'prompt',
  'reasoning',
  'stream_options',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'truncation',
  'parallel_tool_calls',
  'function_call',
  'functions',
  'logprobs',
  'max_completion_tokens',
  'max_tokens',
  'messages',
  'n',
  'reasoning_effort',
  'response_format',
])

/** A response's request as the engine gets it. */
export interface ResponsesChatRequest {
  readonly request: ChatRequest
  /** The chat request as JSON. */
  readonly body: Uint8Array
}

/**
 * The chat request that asks for the same answer. `conversation` is all that the model is to see
 * beside the instructions; its first `past` items are not the client's own words.
 *
 * @throws ApiError 400 for what a chat request cannot say, 413 when it becomes too long for a job.
 */
export function responsesChatRequest(
  body: ResponsesRequestBody,
  conversation: readonly SpokenItem[],
  past: number,
): ResponsesChatRequest {
  const paramOf = (i: number): string => {
    if (i < past) return 'previous_response_id'
    return typeof body.input === 'string' ? 'input' : `input.${i - past}`
  }
  const { instructions } = body
  const messages = [
    ...(instructions ? [{ role: 'system', content: instructions }] : []),
    ...inputMessages(conversation, paramOf),
  ]
  checkLength(messages.length)
  const chat = {
    ...Object.fromEntries(Object.entries(body).filter(([name]) => !CONVERTED.has(name))),
    messages,
    ...limitsOf(body),
    ...toolsOf(body),
    ...formatOf(body),
    ...(body.stream === true ? { stream_options: { include_usage: true } } : {}),
  }
  const request = checkChatRequest(chat)
  const bytes = new TextEncoder().encode(JSON.stringify(chat))
  if (bytes.length > MAX_REQUEST_BODY_BYTES) throw apiErrors.bodyTooLarge(MAX_REQUEST_BODY_BYTES)
  return { request, body: bytes }
}

function checkLength(messages: number): void {
  if (messages === 0) {
    throw apiErrors.invalidRequest("Invalid 'input': it says nothing.", 'input', 'invalid_value')
  }
  if (messages > MAX_MESSAGES) {
    throw apiErrors.invalidRequest(
      `Invalid 'input': expected at most ${MAX_MESSAGES} messages, those of earlier responses included.`,
      'input',
      'array_above_max_length',
    )
  }
}

/** Whether the answer is to have the log probabilities of its tokens. */
export function wantsLogprobs(body: ResponsesRequestBody): boolean {
  return Boolean(body.include?.includes(LOGPROBS) || body.top_logprobs)
}

function limitsOf(body: ResponsesRequestBody): object {
  const { max_output_tokens: most, top_logprobs: alternatives } = body
  return {
    ...(most ? { max_completion_tokens: most } : {}),
    ...(wantsLogprobs(body) ? { logprobs: true } : {}),
    ...(alternatives ? { top_logprobs: alternatives } : {}),
  }
}

/** Tools the model must not choose are not shown to it: engines know no list of allowed ones. */
function toolsOf(body: ResponsesRequestBody): object {
  const choice = body.tool_choice ?? undefined
  const tools = shownFunctions(listedTools(body)).filter(
    ({ tool }) =>
      typeof choice !== 'object' ||
      choice.type !== 'allowed_tools' ||
      choice.tools.some((allowed) => allowed.name === tool.name),
  )
  const parallel = body.parallel_tool_calls
  return {
    ...(tools.length > 0 ? { tools: tools.map(chatTool) } : {}),
    ...(choice === undefined ? {} : { tool_choice: chatChoice(choice) }),
    ...(tools.length > 0 && typeof parallel === 'boolean' ? { parallel_tool_calls: parallel } : {}),
  }
}

function chatTool({ tool, shown }: ShownFunction): object {
  const { description, parameters, strict } = tool
  return {
    type: 'function',
    function: {
      name: shown,
      ...(description ? { description } : {}),
      ...(parameters ? { parameters } : {}),
      ...(typeof strict === 'boolean' ? { strict } : {}),
    },
  }
}

function chatChoice(choice: NonNullable<ResponsesRequestBody['tool_choice']>): unknown {
  if (typeof choice === 'string') return choice
  if (choice.type === 'allowed_tools') return choice.mode
  return { type: 'function', function: { name: choice.name } }
}

function formatOf({ text, reasoning }: ResponsesRequestBody): object {
  const effort = reasoning?.effort
  const verbosity = text?.verbosity
  return {
    ...chatFormat(text?.format),
    ...(effort ? { reasoning_effort: effort } : {}),
    ...(verbosity ? { verbosity } : {}),
  }
}

function chatFormat(format: NonNullable<ResponsesRequestBody['text']>['format']): object {
  if (!format || format.type === 'text') return {}
  if (format.type === 'json_object') return { response_format: { type: 'json_object' } }
  const { name, description, schema, strict } = format
  const json_schema = {
    name,
    schema,
    ...(description ? { description } : {}),
    ...(typeof strict === 'boolean' ? { strict } : {}),
  }
  return { response_format: { type: 'json_schema', json_schema } }
}
