import type { Claim } from '@infernet/schemas/transcript'
import { ApiError } from '@infernet/openai-compat/api-error'
import { parseChatRequest, type ChatRequest } from '@infernet/openai-compat/chat-request'
import type { ChatMessage as RequestMessage } from '@infernet/openai-compat/chat-request-schema'
import {
  ChatTemplateError,
  type ChatMessage,
  type ChatPrompt,
  type ChatRenderer,
} from '@infernet/models/chat-template'
import { JobFault, requestFault, type EngineModel, type EngineRequest } from './engine.ts'
import { isReplayable } from './local-evidence.ts'
import { openEnded, samplingOf, stopsOf } from './local-sampling.ts'
import type { GenerateRequest, OutputShape } from './token-source.ts'

/** A model that we render prompts for ourselves. */
export interface LocalModel extends EngineModel, Pick<Claim, 'replay' | 'kept_only'> {
  readonly renderChat: ChatRenderer
  /** What it renders depends on the time. */
  readonly readsClock?: boolean
  /** Ids of tokens are below it. */
  readonly vocabSize: number
}

/** A request, ready to be generated and rendered back. */
export interface LocalRequest {
  readonly generate: GenerateRequest
  readonly stops: readonly string[]
  /** Whether text may contain tool calls. */
  readonly parseTools: boolean
  /** The beginning of the answer that the prompt already ends with: a forced tool call. */
  readonly prefill: string
  /** White space that the client has already, and the answer may begin with once more. */
  readonly known: string
}

/** A schema becomes a grammar that is followed at every token; real ones stay below 20,000. */
const MAX_SCHEMA_CHARS = 65_536

/**
 * Reads the body of a chat for a local model. Throws {@link JobFault} for what the body gets wrong
 * and for what this model cannot do.
 */
export function readLocalRequest(request: EngineRequest, model: LocalModel): LocalRequest {
  const chat = parse(request.body)
  const body = chat.body
  refuseUnsupported(chat, model)
  const tools = body.tool_choice === 'none' ? [] : (body.tools ?? [])
  const prefill = tools.length === 0 ? '' : toolPrefill(body.tool_choice)
  const messages = body.messages.map(toTemplateMessage)
  const begun = request.continues ? takeBeginning(messages) : openEnded('')
  const sampling = samplingOf(body, request.seed)
  const shape = shapeOf(body.response_format)
  return {
    generate: {
      prompt:
        render(model.renderChat, { messages, tools, at: request.at }) + prefill + begun.prompt,
      maxTokens: Math.min(chat.maxOutputTokens ?? Infinity, request.max_output_tokens),
      sampling,
      shape,
      isTraced: isReplayable(model, sampling, shape),
      topLogprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
    },
    stops: stopsOf(body),
    known: begun.known,
    parseTools: tools.length > 0,
    prefill,
  }
}

function parse(body: Uint8Array): ChatRequest {
  try {
    return parseChatRequest(body)
  } catch (error) {
    throw error instanceof ApiError ? requestFaultOf(error) : error
  }
}

/** A body that OpenAI would refuse. */
export const requestFaultOf = ({ status, param, message, code }: ApiError): JobFault =>
  new JobFault(requestFault(code ?? 'invalid_request', message, { status, param }))

/** Throws {@link JobFault}: the model lacks what the field asks for. */
export function refuseParameter(model: LocalModel, param: string, what: string): never {
  const message = `The model '${model.id}' is served without support for ${what}.`
  throw new JobFault(requestFault('unsupported_parameter', message, { param }))
}

/** Takes the last message out: the answer as far as it was delivered, to go on from. */
function takeBeginning(messages: ChatMessage[]): { prompt: string; known: string } {
  const last = messages.pop()
  if (last?.role === 'assistant' && typeof last.content === 'string') return openEnded(last.content)
  const message = 'A continued job ends with what the assistant has said.'
  throw new JobFault(requestFault('invalid_messages', message, { param: 'messages' }))
}

function refuseUnsupported({ body, n, needs }: ChatRequest, model: LocalModel): void {
  const refuse = (param: string, what: string): never => refuseParameter(model, param, what)
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
  // No space at the end: models write it as part of the next token.
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments":`
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

function render(renderChat: ChatRenderer, prompt: ChatPrompt): string {
  try {
    return renderChat(prompt)
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error
    const message = `The model's chat template refuses this conversation: ${error.message}`
    throw new JobFault(requestFault('invalid_messages', message, { param: 'messages' }))
  }
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
