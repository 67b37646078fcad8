import { z } from 'zod'
import { MAX_CONTENT_PARTS, MAX_MESSAGES, MAX_TOOLS } from '../chat-request-schema.ts'
import { flag, marketFields, positiveCount, samplingFields } from '../request-fields.ts'

/** OpenAI's limits of `metadata`. */
const MAX_METADATA_PAIRS = 16
const MAX_METADATA_KEY_CHARS = 64
const MAX_METADATA_VALUE_CHARS = 512
/** Characters in the id of an item, a call or a response. */
const MAX_ID_CHARS = 256
/** Characters in an identifier of the end user, which is only echoed. */
const MAX_IDENTIFIER_CHARS = 256
/** OpenAI's limit; see the chat schema. */
const MAX_TOP_LOGPROBS = 20
/** Entries of `include`; OpenAI knows eight. */
const MAX_INCLUDES = 32

const text = z.string()
const id = z.string().min(1).max(MAX_ID_CHARS)
const optionalId = id.nullish()
const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/)
const itemStatus = z.enum(['in_progress', 'completed', 'incomplete']).nullish()

const textPart = z.looseObject({ type: z.literal('input_text'), text })
const imagePart = z.looseObject({
  type: z.literal('input_image'),
  image_url: text.nullish(),
  file_id: text.nullish(),
  detail: z.enum(['auto', 'low', 'high', 'original']).nullish(),
})
const filePart = z.looseObject({
  type: z.literal('input_file'),
  filename: text.nullish(),
  file_data: text.nullish(),
  file_url: text.nullish(),
  file_id: text.nullish(),
})
const audioPart = z.looseObject({
  type: z.literal('input_audio'),
  input_audio: z.looseObject({ data: z.string().min(1), format: z.enum(['wav', 'mp3']) }),
})
const inputPart = z.discriminatedUnion('type', [textPart, imagePart, filePart, audioPart])
const answerPart = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('output_text'), text }),
  z.looseObject({ type: z.literal('refusal'), refusal: text }),
  textPart,
])

const inputContent = z.union([text, z.array(inputPart).min(1).max(MAX_CONTENT_PARTS)])
const answerContent = z.union([text, z.array(answerPart).max(MAX_CONTENT_PARTS)])
const asked = { type: z.literal('message'), id: optionalId, status: itemStatus }

const message = z.discriminatedUnion('role', [
  z.looseObject({ ...asked, role: z.literal('user'), content: inputContent }),
  z.looseObject({ ...asked, role: z.literal('system'), content: inputContent }),
  z.looseObject({ ...asked, role: z.literal('developer'), content: inputContent }),
  z.looseObject({ ...asked, role: z.literal('assistant'), content: answerContent }),
])

const spoken = z.looseObject({ text })

/** One item of `input`, of a stored conversation or of an answer's `output`. */
export const inputItemSchema = z.discriminatedUnion('type', [
  message,
  z.looseObject({
    type: z.literal('function_call'),
    id: optionalId,
    call_id: id,
    name: z.string().min(1).max(MAX_ID_CHARS),
    namespace: optionalId,
    arguments: text,
    status: itemStatus,
  }),
  z.looseObject({
    type: z.literal('function_call_output'),
    id: optionalId,
    call_id: id,
    output: inputContent,
    status: itemStatus,
  }),
  z.looseObject({
    type: z.literal('reasoning'),
    id: optionalId,
    summary: z.array(spoken).max(MAX_CONTENT_PARTS).nullish(),
    content: z.array(spoken).max(MAX_CONTENT_PARTS).nullish(),
    encrypted_content: text.nullish(),
  }),
  z.looseObject({ type: z.literal('item_reference'), id }),
])

const functionTool = z.looseObject({
  type: z.literal('function'),
  name: toolName,
  description: text.nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
})
const namespaceTool = z.looseObject({
  type: z.literal('namespace'),
  name: toolName,
  description: text.nullish(),
  tools: z.array(functionTool).min(1).max(MAX_TOOLS),
})
/** OpenAI's names of its web search. Nobody here runs one: see `listedTools`. */
export const WEB_SEARCHES = [
  'web_search',
  'web_search_2025_08_26',
  'web_search_preview',
  'web_search_preview_2025_03_11',
] as const
const searchTool = z.looseObject({ type: z.literal(WEB_SEARCHES) })

const tool = z.discriminatedUnion('type', [functionTool, namespaceTool, searchTool])

const namedTool = z.looseObject({ type: z.literal('function'), name: toolName })

const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion('type', [
    namedTool,
    z.looseObject({
      type: z.literal('allowed_tools'),
      mode: z.enum(['auto', 'required']),
      tools: z.array(namedTool).min(1).max(MAX_TOOLS),
    }),
  ]),
])

const format = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    name: toolName,
    description: text.nullish(),
    schema: z.record(z.string(), z.unknown()),
    strict: z.boolean().nullish(),
  }),
])

const metadata = z
  .record(z.string().max(MAX_METADATA_KEY_CHARS), z.string().max(MAX_METADATA_VALUE_CHARS))
  .refine((pairs) => Object.keys(pairs).length <= MAX_METADATA_PAIRS, {
    error: `expected at most ${MAX_METADATA_PAIRS} pairs`,
  })

const identifier = z.string().max(MAX_IDENTIFIER_CHARS).nullish()

/**
 * POST /v1/responses, field by field. Objects are loose: what is not listed here goes on to the chat
 * request, and so to the engine's parameter table. What is refused altogether is in
 * `responses-request.ts`.
 */
export const responsesRequestSchema = z.looseObject({
  ...marketFields,
  ...samplingFields,
  input: z.union([text, z.array(inputItemSchema).min(1).max(MAX_MESSAGES)]),
  instructions: text.nullish(),
  previous_response_id: optionalId,
  tools: z.array(tool).max(MAX_TOOLS).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: flag,
  max_tool_calls: positiveCount,
  max_output_tokens: positiveCount,
  text: z
    .looseObject({
      format: format.nullish(),
      verbosity: z.enum(['low', 'medium', 'high']).nullish(),
    })
    .nullish(),
  reasoning: z.looseObject({ effort: text.nullish(), summary: text.nullish() }).nullish(),
  include: z.array(text).max(MAX_INCLUDES).nullish(),
  top_logprobs: z.int().min(0).max(MAX_TOP_LOGPROBS).nullish(),
  metadata: metadata.nullish(),
  store: flag,
  stream_options: z.looseObject({ include_obfuscation: flag }).nullish(),
  truncation: z.enum(['auto', 'disabled']).nullish(),
  user: identifier,
  safety_identifier: identifier,
  prompt_cache_key: identifier,
  service_tier: text.nullish(),
})

/** A request body after validation. Unknown fields are kept. */
export type ResponsesRequestBody = z.infer<typeof responsesRequestSchema>
/** One item of its input. */
export type InputItem = z.infer<typeof inputItemSchema>
/** An item that says something itself, in place of pointing to one that does. */
export type SpokenItem = Exclude<InputItem, { type: 'item_reference' }>
export type FunctionTool = z.infer<typeof functionTool>
/** Functions that are called by the namespace's name and their own. */
export type NamespaceTool = z.infer<typeof namespaceTool>
/** A part of what a user or a tool says. */
export type InputPart = z.infer<typeof inputPart>
