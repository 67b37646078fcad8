import type { Endpoint } from '@infernet/schemas/wire'
import { apiErrors } from './api-errors.ts'
import type { ChatRequestBody } from './chat-request-schema.ts'
import { DEFAULT_COMPLETION_TOKENS } from './completion-request.ts'
import type { CompletionRequestBody } from './completion-request-schema.ts'
import type { EmbeddingsRequestBody } from './embeddings-request.ts'
import { engineMessages } from './engine-messages.ts'
import { namesPlace } from './names-place.ts'
import { type EngineKind, isListed, reachesEngine } from './parameter-table.ts'
import { leadsOutside } from './schema-reference.ts'

/** What the agent decides about one engine call. */
export interface EngineRequestOptions {
  kind: EngineKind
  /** The engine's own name of the model, which clients never see. */
  model: string
  /** May differ from the client's wish: agents stream from the engine to meter and to cancel. */
  stream: boolean
  /** What tokens are drawn with where the client does not say. */
  seed?: number
  /** Most tokens the engine may generate per choice: the job's limit, already paid for. */
  maxOutputTokens: number
  /** vLLM: isolates one customer's prefix cache from another's. Any stable opaque string. */
  cacheSalt?: string
  /** The job goes on with an answer that another provider began (`continues` of its header). */
  continues?: boolean
}

/** Keys of `chat_template_kwargs` that replace the template or change what it renders. */
const DENIED_TEMPLATE_KEYS = new Set([
  '__proto__',
  'chat_template',
  'tokenize',
  'add_generation_prompt',
  'continue_final_message',
  'messages',
  'tools',
  'documents',
])

/**
 * Template switches such as `enable_thinking`: scalars only, and none that stands for the template
 * itself (vLLM's CVE-2025-61620 was a template smuggled in this way).
 */
function templateSwitches(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const kept = Object.entries(value).filter(
    ([key, setting]) =>
      !DENIED_TEMPLATE_KEYS.has(key) &&
      ['boolean', 'number', 'string'].includes(typeof setting) &&
      !namesPlace(setting),
  )
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

/**
 * The fields of a body that the table lets through. Nulls mean "default", but not to every engine. What nobody
 * knows may be for the engine to fetch or to open: not where it names a place.
 */
function allowedFields(
  endpoint: Endpoint,
  body: Readonly<Record<string, unknown>>,
  kind: EngineKind,
): Record<string, unknown> {
  const request: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    if (value === null || !reachesEngine(endpoint, name, kind)) continue
    if (isListed(endpoint, name) || !namesPlace(value)) request[name] = value
  }
  return request
}

/** Sets what every generating request has: a seed, and its most tokens, under the one name that every engine knows. */
function setLimits(
  request: Record<string, unknown>,
  wanted: number,
  { kind, maxOutputTokens, stream, cacheSalt, seed }: EngineRequestOptions,
): void {
  if (seed !== undefined) request['seed'] ??= seed
  const most = Math.min(wanted, maxOutputTokens)
  request['max_tokens'] = most
  const least = request['min_tokens']
  if (typeof least === 'number' && least > most) request['min_tokens'] = most
  request['stream'] = stream
  if (stream) request['stream_options'] = { include_usage: true }
  if (kind === 'vllm' && cacheSalt) request['cache_salt'] = cacheSalt
}

/** Refuses a field that would change the whole answer and that this engine would pass over. */
function refuseIgnored(
  endpoint: Endpoint,
  body: Readonly<Record<string, unknown>>,
  name: string,
  kind: EngineKind,
): void {
  if (!body[name] || reachesEngine(endpoint, name, kind)) return
  throw apiErrors.invalidRequest(
    `The parameter '${name}' is not supported by the engine that serves this model.`,
    name,
    'unsupported_parameter',
  )
}

const TOOL_TYPES: ReadonlySet<unknown> = new Set(['function', 'custom'])
const FORMAT_TYPES: ReadonlySet<unknown> = new Set(['text', 'json_object', 'json_schema'])

/**
 * Tools of other types are run by whoever serves the model, at an address that the request names; other
 * formats are grammars. Clients' bodies have neither: the edge has read them, but this may be no honest edge.
 */
function refuseForeignTypes({ tools, response_format: format }: ChatRequestBody): void {
  const list: readonly { readonly type?: unknown }[] = Array.isArray(tools) ? tools : []
  const foreign = list.findIndex((tool) => !TOOL_TYPES.has(tool?.type))
  if (foreign >= 0) throw notServed(`tools.${foreign}.type`)
  if (typeof format === 'object' && format !== null && !FORMAT_TYPES.has(format.type)) {
    throw notServed('response_format.type')
  }
}

/** A schema that leads to an address would be fetched from inside the provider's network by some engines. */
function refuseRemoteSchemas(body: ChatRequestBody): void {
  const param = ['tools', 'functions', 'response_format'].find((name) => leadsOutside(body[name]))
  if (param === undefined) return
  throw apiErrors.invalidRequest(
    `Invalid '${param}': a '$ref' leads outside its schema, and nothing is fetched here.`,
    param,
    'remote_url_not_supported',
  )
}

const notServed = (param: string) =>
  apiErrors.invalidRequest(`Invalid '${param}': not served here.`, param, 'invalid_value')

/**
 * Builds the chat request for an engine from a validated body: fields by `parameter-table.ts`, the
 * engine's own model name, `max_tokens` clamped and always set, usage always asked for when
 * streaming. The body is not changed.
 *
 * With `continues` the last message is the beginning of the answer. vLLM and its kin go on with it
 * when told so; llama-server always does, but without being told it says the beginning again.
 * Engines of our own see it themselves.
 *
 * @throws ApiError 400 for what `engineMessages` refuses, for tools and formats that are none of OpenAI’s, and
 * for schemas that lead outside themselves.
 */
export function engineRequest(
  body: ChatRequestBody,
  options: EngineRequestOptions,
): Record<string, unknown> {
  refuseForeignTypes(body)
  refuseRemoteSchemas(body)
  const { kind } = options
  const request: Record<string, unknown> = {
    model: options.model,
    messages: engineMessages(body.messages),
    ...allowedFields('chat.completions', body, kind),
  }
  setLimits(
    request,
    body.max_completion_tokens ?? body.max_tokens ?? options.maxOutputTokens,
    options,
  )
  const switches = templateSwitches(body['chat_template_kwargs'])
  if (switches && kind !== 'embedded') request['chat_template_kwargs'] = switches
  if (options.continues === true && kind !== 'embedded') {
    request['continue_final_message'] = true
    request['add_generation_prompt'] = false
  }
  return request
}

/**
 * The same for a completion. With `continues` the prompt ends with the beginning of the answer, and
 * nothing of it is echoed again.
 *
 * @throws ApiError 400 `unsupported_parameter` for `echo` or `suffix` where the engine has none:
 * another provider's engine may.
 */
export function completionEngineRequest(
  body: CompletionRequestBody,
  options: EngineRequestOptions,
): Record<string, unknown> {
  const { kind } = options
  for (const name of ['echo', 'suffix']) refuseIgnored('completions', body, name, kind)
  const request: Record<string, unknown> = {
    model: options.model,
    prompt: body.prompt,
    ...allowedFields('completions', body, kind),
  }
  setLimits(request, body.max_tokens ?? DEFAULT_COMPLETION_TOKENS, options)
  if (options.continues === true) delete request['echo']
  return request
}

/**
 * The same for embeddings. Engines that we know by name write both formats, so that their answer
 * needs no conversion; of others only floats are asked.
 *
 * @throws ApiError 400 `unsupported_parameter` for `dimensions` where the engine cannot cut vectors.
 */
export function embeddingsEngineRequest(
  body: EmbeddingsRequestBody,
  options: Pick<EngineRequestOptions, 'kind' | 'model'>,
): Record<string, unknown> {
  const { kind } = options
  refuseIgnored('embeddings', body, 'dimensions', kind)
  const writesBoth = kind === 'vllm' || kind === 'llama-server'
  return {
    model: options.model,
    input: body.input,
    ...allowedFields('embeddings', body, kind),
    encoding_format: writesBoth ? (body.encoding_format ?? 'float') : 'float',
  }
}
