import { apiErrors } from '../api-errors.ts'
import { checkChatRequest, type ChatRequest } from '../chat-request.ts'
import { parseJsonBody } from '../json-body.ts'
import { checkShape } from '../zod-issue.ts'
import { chatMessages } from './chat-messages.ts'
import { type MessagesBody, messagesSchema } from './messages-schema.ts'

/** The name that chat completions want for a schema; models do not see it. */
const SCHEMA_NAME = 'output'
/** Longest type of a refused tool that is echoed. */
const MAX_ECHO_CHARS = 64

/** Anthropic's grades of effort in the words that engines know. */
const EFFORTS = {
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
} as const

/**
 * Reads and validates the body of POST /v1/messages and converts it to the chat completion that
 * asks the same. A streamed one always asks for the usage, which `message_delta` carries.
 *
 * @throws ApiError 400: not JSON, a field that Anthropic's API would refuse, or something that only
 * Anthropic's own servers can do (their tools, MCP connectors, files by id).
 */
export function parseMessagesRequest(bytes: Uint8Array): ChatRequest {
  const body = parseJsonBody(bytes)
  checkShape(messagesSchema, body)
  return checkChatRequest(chatBody(body))
}

function chatBody(body: MessagesBody): Record<string, unknown> {
  if (body.mcp_servers?.length) throw unsupported('mcp_servers', 'MCP servers are not called here')
  const { model, models, provider, temperature, top_p, top_k } = body
  const stream = body.stream === true
  const fields = {
    model,
    models,
    provider,
    messages: chatMessages(body.system, body.messages),
    max_completion_tokens: body.max_tokens,
    temperature,
    top_p,
    top_k,
    stop: body.stop_sequences?.length ? body.stop_sequences : undefined,
    user: body.metadata?.user_id,
    ...toolFields(body),
    ...thinkingFields(body),
    response_format: responseFormat(body),
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
  }
  return present(fields)
}

/** Leaves out what is not set, at the top only: a schema may well say `null`. */
function present(fields: object): Record<string, unknown> {
  const entries = Object.entries(fields)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== null))
}

function toolFields({ tools, tool_choice: choice }: MessagesBody): Record<string, unknown> {
  return {
    tools: tools?.length ? tools.map(functionTool) : undefined,
    tool_choice: choice && toolChoice(choice),
    parallel_tool_calls:
      choice && choice.type !== 'none' && choice.disable_parallel_tool_use === true
        ? false
        : undefined,
  }
}

type Tool = NonNullable<MessagesBody['tools']>[number]

function functionTool(tool: Tool, index: number): Record<string, unknown> {
  const { type = 'custom', name, description, input_schema: parameters, strict } = tool
  if (type !== null && type !== 'custom') {
    throw unsupported(
      `tools.${index}.type`,
      `'${type.slice(0, MAX_ECHO_CHARS)}' is Anthropic's own; define the tool yourself, with an 'input_schema'`,
    )
  }
  if (parameters === undefined) {
    throw apiErrors.invalidRequest(
      `Missing required parameter: 'tools.${index}.input_schema'.`,
      `tools.${index}.input_schema`,
      'missing_required_parameter',
    )
  }
  return { type: 'function', function: present({ name, description, strict, parameters }) }
}

function toolChoice(choice: NonNullable<MessagesBody['tool_choice']>): unknown {
  if (choice.type === 'tool') return { type: 'function', function: { name: choice.name } }
  return choice.type === 'any' ? 'required' : choice.type
}

/**
 * The switch that templates of thinking models know, and the effort. A budget of thinking tokens is
 * not passed on: engines that know one refuse it for models without, and `max_tokens` bounds it too.
 */
function thinkingFields({ thinking, output_config }: MessagesBody): Record<string, unknown> {
  const effort = output_config?.effort
  return {
    chat_template_kwargs: thinking ? { enable_thinking: thinking.type !== 'disabled' } : undefined,
    reasoning_effort: effort ? EFFORTS[effort] : undefined,
  }
}

function responseFormat({ output_config, output_format }: MessagesBody): unknown {
  const format = output_config?.format ?? output_format
  if (!format) return undefined
  const { schema } = format
  return { type: 'json_schema', json_schema: { name: SCHEMA_NAME, strict: true, schema } }
}

function unsupported(param: string, problem: string) {
  return apiErrors.invalidRequest(
    `Unsupported '${param}': ${problem}.`,
    param,
    'unsupported_parameter',
  )
}
