import { ApiError } from '@infernet/openai-compat/api-error'
import { parseChatRequest, type ChatRequest } from '@infernet/openai-compat/chat-request'
import type { ChatMessage as RequestMessage } from '@infernet/openai-compat/chat-request-schema'
import {
  ChatTemplateError,
  type ChatMessage,
  type ChatRenderer,
} from '@infernet/models/chat-template'
import { JobFault, requestFault, type EngineModel, type EngineRequest } from './engine.ts'
import type { GenerateRequest, OutputShape, Sampling } from './token-source.ts'

/** A model that we render prompts for ourselves. */
export interface LocalModel extends EngineModel {
  readonly renderChat: ChatRenderer
}

/** A request, ready to be generated and rendered back. */
export interface LocalRequest {
  readonly generate: GenerateRequest
  readonly stops: readonly string[]
  /** Whether text may contain tool calls. */
  readonly parseTools: boolean
  /** The beginning of the answer that the prompt already ends with: a forced tool call. */
  readonly prefill: string
}

/** A schema becomes a grammar that is followed at every token; real ones stay below 20,000. */
const MAX_SCHEMA_CHARS = 65_536

/** llama-server's defaults for what a request leaves open. */
const DEFAULT_TEMPERATURE = 0.8
const DEFAULT_TOP_K = 40
const DEFAULT_TOP_P = 0.95
const DEFAULT_MIN_P = 0.05

/**
 * Reads a client's body for a local model. Throws {@link JobFault} for what the body gets wrong
 * and for what this model cannot do; `random` in [0, 1) picks a seed when there is none.
 */
export function readLocalRequest(
  request: EngineRequest,
  model: LocalModel,
  random: () => number,
): LocalRequest {
  const chat = parse(request.body)
  const body = chat.body
  refuseUnsupported(chat, model)
  const tools = body.tool_choice === 'none' ? [] : (body.tools ?? [])
  const prefill = tools.length === 0 ? '' : toolPrefill(body.tool_choice)
  const messages = body.messages.map(toTemplateMessage)
  return {
    generate: {
      prompt: render(model.renderChat, messages, tools) + prefill,
      maxTokens: Math.min(chat.maxOutputTokens ?? Infinity, request.max_output_tokens),
      sampling: samplingOf(body, random),
      shape: shapeOf(body.response_format),
      topLogprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
    },
    stops: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    parseTools: tools.length > 0,
    prefill,
  }
}

function parse(body: Uint8Array): ChatRequest {
  try {
    return parseChatRequest(body)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const { status, param, message, code } = error
    throw new JobFault(requestFault(code ?? 'invalid_request', message, { status, param }))
  }
}

function refuseUnsupported({ body, n, needs }: ChatRequest, model: LocalModel): void {
  const refuse = (param: string, what: string): never => {
    const message = `The model '${model.id}' is served without support for ${what}.`
    throw new JobFault(requestFault('unsupported_parameter', message, { param }))
  }
  const can = (capability: EngineModel['capabilities'][number]): boolean =>
    model.capabilities.includes(capability)
  if (n > 1) refuse('n', 'more than one choice')
  if (body.functions?.length) refuse('functions', "'functions'; use 'tools'")
  if (body.tools?.length && !can('tools')) refuse('tools', 'tools')
  if (body.logprobs === true && !can('logprobs')) refuse('logprobs', 'logprobs')
  const format = body.response_format?.type ?? 'text'
  if (format !== 'text' && !can('json_schema')) refuse('response_format', `'${format}' output`)
  if (needs.some((need) => need === 'vision' || need === 'audio' || need === 'files')) {
    refuse('messages', 'anything but text')
  }
}

/** A prompt that ends inside a call leaves the model nothing else to write. */
function toolPrefill(choice: unknown): string {
  if (choice === 'required') return '<tool_call>\n'
  const name =
    typeof choice === 'object' && choice !== null && 'function' in choice
      ? (choice.function as { name?: unknown } | null)?.name
      : undefined
  if (typeof name !== 'string') return ''
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": `
}

/** Roles and content as chat templates know them. */
function toTemplateMessage(message: RequestMessage): ChatMessage {
  const { role, content } = message
  const text = Array.isArray(content)
    ? content.map((part) => (part.type === 'text' ? part.text : '')).join('')
    : (content ?? '')
  if (role === 'tool') return { role, content: text, tool_call_id: message.tool_call_id }
  if (role === 'function') return { role: 'tool', content: text, name: message.name }
  if (role === 'assistant' && message.tool_calls?.length) {
    const calls = message.tool_calls.flatMap((call) =>
      call.type === 'function' ? [{ id: call.id, type: call.type, function: call.function }] : [],
    )
    return { role, content: text, tool_calls: calls }
  }
  return { role: role === 'developer' ? 'system' : role, content: text }
}

function render(
  renderChat: ChatRenderer,
  messages: ChatMessage[],
  tools: readonly unknown[],
): string {
  try {
    return renderChat({ messages, tools })
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error
    const message = `The model's chat template refuses this conversation: ${error.message}`
    throw new JobFault(requestFault('invalid_messages', message, { param: 'messages' }))
  }
}

function samplingOf(body: ChatRequest['body'], random: () => number): Sampling {
  return {
    temperature: body.temperature ?? DEFAULT_TEMPERATURE,
    topK: numberAt(body, 'top_k') ?? DEFAULT_TOP_K,
    topP: body.top_p ?? DEFAULT_TOP_P,
    minP: numberAt(body, 'min_p') ?? DEFAULT_MIN_P,
    frequencyPenalty: body.frequency_penalty ?? 0,
    presencePenalty: body.presence_penalty ?? 0,
    seed: (body.seed ?? Math.floor(random() * 2 ** 32)) >>> 0,
    logitBias: Object.entries(body.logit_bias ?? {}).map(([id, bias]) => [Number(id), bias]),
  }
}

/** A vendor extension that OpenAI's schema does not know. */
function numberAt(body: Record<string, unknown>, name: string): number | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && value >= 0) return value
  throw new JobFault(
    requestFault('invalid_value', `Invalid '${name}': expected a number of at least 0.`, {
      param: name,
    }),
  )
}

function shapeOf(format: ChatRequest['body']['response_format']): OutputShape {
  if (format?.type === 'json_object') return { type: 'json' }
  if (format?.type !== 'json_schema') return { type: 'text' }
  const schema = format.json_schema?.['schema']
  const isSchema = typeof schema === 'object' && schema !== null
  if (isSchema && JSON.stringify(schema).length <= MAX_SCHEMA_CHARS) {
    return { type: 'json_schema', schema: schema as Record<string, unknown> }
  }
  const what = isSchema ? `is longer than ${MAX_SCHEMA_CHARS} characters` : 'is missing'
  throw new JobFault(
    requestFault('invalid_value', `'response_format.json_schema.schema' ${what}.`, {
      param: 'response_format.json_schema.schema',
    }),
  )
}
