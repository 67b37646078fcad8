import { z } from 'zod'
import { flag, marketFields, positiveCount, samplingFields } from './request-fields.ts'

/** Turns in one conversation. A long agent run has hundreds; the body limit binds long before. */
export const MAX_MESSAGES = 4096
/** Parts in one message: text and images alternating, with room. */
export const MAX_CONTENT_PARTS = 1024
/** OpenAI's limit. Each alternative costs ~100 bytes per token, so more is a traffic lever. */
const MAX_TOP_LOGPROBS = 20
/** OpenAI's limit, for `tools` and the older `functions`. */
export const MAX_TOOLS = 128
/** Calls in one assistant message. */
const MAX_TOOL_CALLS = 128
/** Characters in a tool call id or participant name. */
const MAX_ID_CHARS = 256

const text = z.string()
const id = z.string().min(1).max(MAX_ID_CHARS)
const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/)

const contentPart = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text'), text }),
  z.looseObject({ type: z.literal('refusal'), refusal: text }),
  z.looseObject({
    type: z.literal('image_url'),
    image_url: z.looseObject({
      url: z.string().min(1),
      detail: z.enum(['auto', 'low', 'high']).optional(),
    }),
  }),
  z.looseObject({
    type: z.literal('input_audio'),
    input_audio: z.looseObject({ data: z.string().min(1), format: z.enum(['wav', 'mp3']) }),
  }),
  z.looseObject({
    type: z.literal('file'),
    file: z.looseObject({
      filename: text.optional(),
      file_data: text.optional(),
      file_id: text.optional(),
    }),
  }),
])

const content = z.union([text, z.array(contentPart).min(1).max(MAX_CONTENT_PARTS)])

const toolCall = z.discriminatedUnion('type', [
  z.looseObject({
    id,
    type: z.literal('function'),
    function: z.looseObject({ name: z.string().min(1).max(MAX_ID_CHARS), arguments: text }),
  }),
  z.looseObject({ id, type: z.literal('custom'), custom: z.looseObject({ name: text }) }),
])

const instructions = { content, name: text.max(MAX_ID_CHARS).optional() }

const message = z.discriminatedUnion('role', [
  z.looseObject({ role: z.literal('system'), ...instructions }),
  z.looseObject({ role: z.literal('developer'), ...instructions }),
  z.looseObject({ role: z.literal('user'), ...instructions }),
  z.looseObject({
    role: z.literal('assistant'),
    content: content.nullish(),
    tool_calls: z.array(toolCall).max(MAX_TOOL_CALLS).nullish(),
    function_call: z.looseObject({ name: text, arguments: text }).nullish(),
    refusal: text.nullish(),
  }),
  z.looseObject({ role: z.literal('tool'), content, tool_call_id: id }),
  z.looseObject({ role: z.literal('function'), content: text.nullable(), name: id }),
])

const tool = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('function'),
    function: z.looseObject({
      name: toolName,
      description: text.nullish(),
      parameters: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
  z.looseObject({ type: z.literal('custom'), custom: z.looseObject({ name: toolName }) }),
])

const functionDefinition = z.looseObject({ name: toolName })

/**
 * POST /v1/chat/completions, field by field. Objects are loose: what is not listed here passes
 * and is left to the engine's parameter table. Rules that span fields are in `chat-request.ts`.
 */
export const chatRequestSchema = z.looseObject({
  ...marketFields,
  ...samplingFields,
  messages: z.array(message).min(1).max(MAX_MESSAGES),
  max_tokens: positiveCount,
  max_completion_tokens: positiveCount,
  logprobs: flag,
  top_logprobs: z.int().min(0).max(MAX_TOP_LOGPROBS).nullish(),
  tools: z.array(tool).max(MAX_TOOLS).nullish(),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]).nullish(),
  parallel_tool_calls: flag,
  functions: z.array(functionDefinition).max(MAX_TOOLS).nullish(),
  response_format: z
    .discriminatedUnion('type', [
      z.looseObject({ type: z.literal('text') }),
      z.looseObject({ type: z.literal('json_object') }),
      z.looseObject({
        type: z.literal('json_schema'),
        json_schema: z.looseObject({ name: toolName }),
      }),
    ])
    .nullish(),
  reasoning_effort: z.string().nullish(),
})

/** A request body after validation. Unknown fields are kept. */
export type ChatRequestBody = z.infer<typeof chatRequestSchema>
/** One message of it. */
export type ChatMessage = ChatRequestBody['messages'][number]
