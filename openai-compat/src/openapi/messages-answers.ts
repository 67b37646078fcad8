import { z } from 'zod'
import { verificationNoteSchema } from '../verification-note.ts'
import { challengeSchema } from './l402-schemas.ts'

/** What Anthropic's Messages API answers here. */

const count = z.int().min(0)
const text = z.string()

const block = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text, citations: z.null() }),
  z.object({ type: z.literal('thinking'), thinking: text, signature: text }),
  z.object({
    type: z.literal('tool_use'),
    id: text,
    name: text,
    input: z.unknown(),
    caller: z.object({ type: z.literal('direct') }),
  }),
])

const usage = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
  output_tokens_details: z.object({ thinking_tokens: count }).nullable(),
  server_tool_use: z.null(),
  cost: count.optional().describe('msat'),
  cost_sat: z.number().min(0).optional().describe('The same in satoshi'),
})

const end = z.object({
  stop_reason: z
    .enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'refusal'])
    .nullable(),
  stop_sequence: text.nullable(),
  stop_details: z.null(),
  container: z.null(),
})

const note = verificationNoteSchema.optional().describe('With `provider.verify: "strict"`')

export const messageSchema = end.extend({
  id: text,
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: text,
  content: z.array(block),
  diagnostics: z.null(),
  usage: usage.extend({
    cache_creation: z.null(),
    inference_geo: z.null(),
    service_tier: z.null(),
    speed: z.null(),
  }),
  infernet: note,
})

/** Anthropic's error body, on its own endpoints. */
export const anthropicErrorSchema = z.strictObject({
  type: z.literal('error'),
  error: z.strictObject({
    type: z.enum([
      'invalid_request_error',
      'authentication_error',
      'billing_error',
      'permission_error',
      'not_found_error',
      'conflict_error',
      'rate_limit_error',
      'timeout_error',
      'overloaded_error',
      'api_error',
    ]),
    message: text.min(1),
    details: z.strictObject({ error_code: text, param: text.optional() }).nullable(),
  }),
  request_id: text,
  l402: challengeSchema.optional(),
})

const index = count

/** The events of a streamed message, in their order; `ping` may come anywhere, `error` last. */
export const messageEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message_start'), message: messageSchema }),
  z.object({ type: z.literal('ping') }),
  z.object({ type: z.literal('content_block_start'), index, content_block: block }),
  z.object({
    type: z.literal('content_block_delta'),
    index,
    delta: z.discriminatedUnion('type', [
      z.object({ type: z.literal('text_delta'), text }),
      z.object({ type: z.literal('thinking_delta'), thinking: text }),
      z.object({ type: z.literal('input_json_delta'), partial_json: text }),
    ]),
  }),
  z.object({ type: z.literal('content_block_stop'), index }),
  z.object({ type: z.literal('message_delta'), delta: end, usage, infernet: note }),
  z.object({ type: z.literal('message_stop') }),
  anthropicErrorSchema,
])
