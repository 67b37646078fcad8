import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import type { Endpoint } from '@infernet/schemas/wire'
import { MAX_DELIVERED_TEXT_BYTES } from './delivered-text.ts'
import { parseJsonBody } from './json-body.ts'

/** The largest request that is handed on: the client's own and the text delivered so far. */
const MAX_CONTINUED_BODY_BYTES = MAX_REQUEST_BODY_BYTES + MAX_DELIVERED_TEXT_BYTES

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

/** False for what a field's absence would mean too. */
function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return value !== undefined && value !== null && value !== false && value !== '' && value !== 0
}

const isMany = (value: unknown): boolean => typeof value === 'number' && value > 1

/**
 * Whether another provider could go on with an answer to this request, once a part of it has been
 * delivered as plain text. A pure decision about the parsed and validated body; what the stream then
 * brings (reasoning, a call) may still forbid it, see `StreamMeter.obstacle`.
 */
export function canContinue(endpoint: Endpoint, body: Fields): boolean {
  // An embedding is there or it is not.
  if (endpoint === 'embeddings') return false
  // Choices are written side by side; a request cannot be given several texts to go on from.
  if (isMany(body['n']) || isMany(body['best_of'])) return false
  // A grammar starts at the first generated token: the rest of `{"a":` is no JSON of its own.
  const format = fieldsOf(body['response_format'])['type'] ?? 'text'
  if (format !== 'text') return false
  // Would be counted from the middle of the answer, and lengthen it.
  if (isSet(body['min_tokens'])) return false
  return endpoint === 'completions' ? canContinuePrompt(body) : canContinueChat(body)
}

function canContinueChat(body: Fields): boolean {
  // A forced call is a grammar too, and text before it means that the engine ignored the choice.
  const choice = body['tool_choice'] ?? 'auto'
  if (choice !== 'auto' && choice !== 'none') return false
  const legacyChoice = body['function_call'] ?? 'auto'
  if (legacyChoice !== 'auto' && legacyChoice !== 'none') return false
  // Sound cannot be handed over.
  const modalities = body['modalities']
  if (Array.isArray(modalities) && modalities.some((modality) => modality !== 'text')) return false
  const { messages } = body
  if (!Array.isArray(messages)) return false
  const last = fieldsOf(messages.at(-1))
  // The client began the answer itself. Templates refuse two assistant messages in a row, so that
  // its own must grow, which it can if it is text and nothing else.
  if (last['role'] !== 'assistant') return true
  const { content, tool_calls: calls, function_call: call, refusal, audio } = last
  return typeof content === 'string' && ![calls, call, refusal, audio].some(isSet)
}

function canContinuePrompt(body: Fields): boolean {
  // `echo` would say the delivered text again, and a `suffix` is where the answer has to arrive:
  // engines that fill in have no place for a text begun. Offsets in `logprobs` would start anew.
  if (isSet(body['echo']) || isSet(body['suffix'])) return false
  if (typeof body['logprobs'] === 'number') return false
  return textPrompt(body['prompt']) !== undefined
}

/** The one prompt, if it is text; token ids cannot be lengthened by text. */
function textPrompt(prompt: unknown): string | undefined {
  const one: unknown = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt
  return typeof one === 'string' ? one : undefined
}

/**
 * The client's request for a provider that is to go on behind `text`: chat gets it as the last
 * assistant message, or at the end of the client's own; completions at the end of the prompt.
 * Everything else stays, limits and streaming fields included: what is left of the limit is in the
 * job's header.
 *
 * Undefined when `canContinue` is false for the body, or when JSON of the same value is much longer
 * than what the client wrote (`1e20` is), so that it does not fit a job.
 *
 * @throws ApiError when `body` is not one that was validated before.
 */
export function continuedBody(
  endpoint: Endpoint,
  body: Uint8Array,
  text: string,
): Uint8Array | undefined {
  const request = fieldsOf(parseJsonBody(body))
  if (!canContinue(endpoint, request)) return undefined
  const change =
    endpoint === 'completions'
      ? { prompt: `${textPrompt(request['prompt'])}${text}` }
      : { messages: continuedMessages(request['messages'] as readonly unknown[], text) }
  const bytes = new TextEncoder().encode(JSON.stringify({ ...request, ...change }))
  return bytes.length > MAX_CONTINUED_BODY_BYTES ? undefined : bytes
}

function continuedMessages(messages: readonly unknown[], text: string): unknown[] {
  const last = fieldsOf(messages.at(-1))
  if (last['role'] !== 'assistant') return [...messages, { role: 'assistant', content: text }]
  return [...messages.slice(0, -1), { ...last, content: `${String(last['content'])}${text}` }]
}
