import { z } from 'zod'
import { verificationNoteSchema } from '../verification-note.ts'
import { inputItemSchema, responsesRequestSchema } from '../responses/responses-request-schema.ts'

/** What the Responses API answers. */

const count = z.int().min(0)
const unixSeconds = z.int().min(0).describe('Unix seconds')
const text = z.string()
const bytes = z.array(z.int().min(0).max(255))
const status = z.enum(['in_progress', 'completed', 'incomplete'])

const alternative = z.object({ token: text, logprob: z.number(), bytes })
const outputText = z.object({
  type: z.literal('output_text'),
  text,
  annotations: z.array(z.never()),
  logprobs: z.array(alternative.extend({ top_logprobs: z.array(alternative) })),
})

const outputItem = z.discriminatedUnion('type', [
  z.object({
    id: text,
    type: z.literal('message'),
    role: z.literal('assistant'),
    status,
    content: z.array(
      z.discriminatedUnion('type', [
        outputText,
        z.object({ type: z.literal('refusal'), refusal: text }),
      ]),
    ),
  }),
  z.object({
    id: text,
    type: z.literal('reasoning'),
    status,
    summary: z.array(z.never()),
    content: z.array(z.object({ type: z.literal('reasoning_text'), text })),
  }),
  z.object({
    id: text,
    type: z.literal('function_call'),
    status,
    call_id: text,
    name: text,
    namespace: text.optional(),
    arguments: text,
  }),
])

const asked = responsesRequestSchema.shape

export const responseSchema = z.object({
  id: text,
  object: z.literal('response'),
  created_at: unixSeconds,
  completed_at: unixSeconds.nullable(),
  status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
  background: z.literal(false),
  error: z.object({ code: text, message: text }).nullable(),
  incomplete_details: z
    .object({ reason: z.enum(['max_output_tokens', 'content_filter']) })
    .nullable(),
  model: text,
  output: z.array(outputItem),
  usage: z
    .object({
      input_tokens: count,
      input_tokens_details: z.object({ cached_tokens: count, cache_write_tokens: count }),
      output_tokens: count,
      output_tokens_details: z.object({ reasoning_tokens: count }),
      total_tokens: count,
      cost: count.optional().describe('msat'),
      cost_sat: z.number().min(0).optional().describe('The same in satoshi'),
    })
    .optional(),
  instructions: text.nullable(),
  max_output_tokens: count.nullable(),
  max_tool_calls: count.nullable(),
  metadata: z.record(text, text),
  parallel_tool_calls: z.boolean(),
  previous_response_id: text.nullable(),
  prompt_cache_key: text.nullable(),
  reasoning: z.object({ effort: text.nullable(), summary: text.nullable() }),
  safety_identifier: text.nullable(),
  service_tier: z.literal('default'),
  store: z.boolean(),
  temperature: z.number().nullable(),
  text: z.object({ format: z.looseObject({ type: text }), verbosity: text.nullable() }),
  tool_choice: asked.tool_choice.unwrap().unwrap(),
  tools: z.array(z.looseObject({ type: text, name: text })),
  top_logprobs: count,
  top_p: z.number().nullable(),
  truncation: z.literal('disabled'),
  user: text.optional(),
  infernet: verificationNoteSchema.optional().describe('With `provider.verify: "strict"`'),
})

/** Events of a streamed response; its last one is `response.completed`, `.incomplete` or `.failed`. */
export const responseEventSchema = z.looseObject({
  type: text,
  sequence_number: count,
  response: responseSchema.optional(),
})

export const deletedResponseSchema = z.object({
  id: text,
  object: z.literal('response'),
  deleted: z.literal(true),
})

export const responseItemsSchema = z.object({
  object: z.literal('list'),
  data: z.array(z.intersection(inputItemSchema, z.looseObject({ id: text }))),
  first_id: text,
  last_id: text,
  has_more: z.boolean(),
})
