import { z } from 'zod'
import { MAX_CONTENT_PARTS, MAX_MESSAGES, MAX_TOOLS } from '../chat-request-schema.ts'
import { flag, marketFields, MAX_STOP_CHARS } from '../request-fields.ts'

/** What engines take; Anthropic allows more. */
const MAX_STOP_SEQUENCES = 4
/** Characters in the id of a tool call. */
const MAX_ID_CHARS = 256

const text = z.string()
const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/)
const toolUseId = z.string().min(1).max(MAX_ID_CHARS)

const textBlock = z.looseObject({ type: z.literal('text'), text })
const base64 = z.looseObject({
  type: z.literal('base64'),
  media_type: z.string().regex(/^[a-z]+\/[a-z0-9.+-]{1,64}$/),
  data: z.string().min(1),
})
const url = z.looseObject({ type: z.literal('url'), url: z.string().min(1) })
const imageBlock = z.looseObject({
  type: z.literal('image'),
  source: z.discriminatedUnion('type', [base64, url]),
})
const documentBlock = z.looseObject({
  type: z.literal('document'),
  title: text.nullish(),
  context: text.nullish(),
  source: z.discriminatedUnion('type', [
    base64,
    url,
    z.looseObject({ type: z.literal('text'), data: text }),
    z.looseObject({
      type: z.literal('content'),
      content: z.union([text, blocks(z.discriminatedUnion('type', [textBlock, imageBlock]))]),
    }),
  ]),
})
const searchResultBlock = z.looseObject({
  type: z.literal('search_result'),
  source: text,
  title: text,
  content: blocks(textBlock),
})
const shownBlocks = [textBlock, imageBlock, documentBlock, searchResultBlock] as const

const toolResultBlock = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: toolUseId,
  content: z.union([text, blocks(z.discriminatedUnion('type', shownBlocks))]).nullish(),
  is_error: flag,
})
const toolUseBlock = z.looseObject({
  type: z.literal('tool_use'),
  id: toolUseId,
  name: z.string().min(1).max(MAX_ID_CHARS),
  input: z.record(z.string(), z.unknown()),
})
const thinkingBlock = z.looseObject({ type: z.enum(['thinking', 'redacted_thinking']) })

const userBlock = z.discriminatedUnion('type', [...shownBlocks, toolResultBlock])
const assistantBlock = z.discriminatedUnion('type', [textBlock, toolUseBlock, thinkingBlock])

function blocks<Block extends z.ZodType>(block: Block) {
  return z.array(block).max(MAX_CONTENT_PARTS)
}
const instructions = z.union([text, blocks(textBlock)])

const message = z.discriminatedUnion('role', [
  z.looseObject({ role: z.literal('user'), content: z.union([text, blocks(userBlock)]) }),
  z.looseObject({ role: z.literal('assistant'), content: z.union([text, blocks(assistantBlock)]) }),
  z.looseObject({ role: z.literal('system'), content: instructions }),
])

/** Tools that the client runs. Those of Anthropic's own are refused by `messages-request.ts`. */
const tool = z.looseObject({
  type: text.nullish(),
  name: toolName,
  description: text.nullish(),
  input_schema: z.record(z.string(), z.unknown()).optional(),
  strict: flag,
})

const toolChoice = z.discriminatedUnion('type', [
  z.looseObject({ type: z.enum(['auto', 'any']), disable_parallel_tool_use: flag }),
  z.looseObject({ type: z.literal('tool'), name: toolName, disable_parallel_tool_use: flag }),
  z.looseObject({ type: z.literal('none') }),
])

const effort = z.enum(['low', 'medium', 'high', 'xhigh', 'max'])
const outputFormat = z
  .looseObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) })
  .nullish()

/**
 * POST /v1/messages, field by field, as far as engines can do what it says. Objects are loose: what
 * is not listed here (`cache_control`, `service_tier` …) is about Anthropic's own service and ignored.
 */
export const messagesSchema = z.looseObject({
  ...marketFields,
  max_tokens: z.int().min(1),
  messages: z.array(message).min(1).max(MAX_MESSAGES),
  system: instructions.nullish(),
  stream: flag,
  stop_sequences: z.array(z.string().min(1).max(MAX_STOP_CHARS)).max(MAX_STOP_SEQUENCES).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  tools: z.array(tool).max(MAX_TOOLS).nullish(),
  tool_choice: toolChoice.nullish(),
  metadata: z.looseObject({ user_id: text.nullish() }).nullish(),
  thinking: z.looseObject({ type: text }).nullish(),
  output_config: z.looseObject({ effort: effort.nullish(), format: outputFormat }).nullish(),
  /** What `output_config.format` was called in its beta. */
  output_format: outputFormat,
  mcp_servers: z.array(z.unknown()).nullish(),
})

/** A request body after validation. */
export type MessagesBody = z.infer<typeof messagesSchema>
/** One message of it. */
export type MessageParam = MessagesBody['messages'][number]
export type UserBlock = z.infer<typeof userBlock>
export type AssistantBlock = z.infer<typeof assistantBlock>
export type ShownBlock = z.infer<(typeof shownBlocks)[number]>
export type ToolResultBlock = z.infer<typeof toolResultBlock>
export type Instructions = z.infer<typeof instructions>
