import { apiErrors } from './api-errors.ts'
import type { ChatMessage, ChatRequestBody } from './chat-request-schema.ts'
import { type EngineKind, reachesEngine } from './parameter-table.ts'

/** What the agent decides about one engine call. */
export interface EngineRequestOptions {
  kind: EngineKind
  /** The engine's own name of the model, which clients never see. */
  model: string
  /** May differ from the client's wish: agents stream from the engine to meter and to cancel. */
  stream: boolean
  /** Most tokens the engine may generate per choice: the job's limit, already paid for. */
  maxOutputTokens: number
  /** vLLM: isolates one customer's prefix cache from another's. Any stable opaque string. */
  cacheSalt?: string
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
      !DENIED_TEMPLATE_KEYS.has(key) && ['boolean', 'number', 'string'].includes(typeof setting),
  )
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

function refuseRemote(url: unknown, param: string): void {
  if (typeof url !== 'string' || /^data:/i.test(url)) return
  throw apiErrors.invalidRequest(
    `Invalid '${param}': remote media is not fetched here. Send the content itself as a data: URL.`,
    param,
    'remote_url_not_supported',
  )
}

/** Base64 contains no colon, so anything that does and is not a data: URL is an address. */
function refuseRemoteFile(data: unknown, param: string): void {
  if (typeof data === 'string' && data.slice(0, 64).includes(':')) refuseRemote(data, param)
}

/**
 * Refuses content parts that name an address (`http:`, `file:` …): the engine would fetch it from
 * inside the provider's network. Passes `data:` URLs. The edge calls this before matching, the
 * agent again before its engine, since direct jobs do not pass the edge.
 *
 * @throws ApiError 400 `remote_url_not_supported`, `param` naming the part.
 */
export function refuseRemoteMedia(messages: readonly ChatMessage[]): void {
  for (const [m, { content }] of messages.entries()) {
    if (!Array.isArray(content)) continue
    for (const [p, part] of content.entries()) {
      const at = `messages.${m}.content.${p}`
      if (part.type === 'image_url') refuseRemote(part.image_url.url, `${at}.image_url.url`)
      if (part.type === 'input_audio') {
        refuseRemoteFile(part.input_audio.data, `${at}.input_audio.data`)
      }
      if (part.type === 'file') refuseRemoteFile(part.file.file_data, `${at}.file.file_data`)
    }
  }
}

/**
 * Builds the request for an engine from a validated body: fields by `parameter-table.ts`, the
 * engine's own model name, `max_tokens` clamped and always set (the one name that every engine
 * knows), usage always asked for when streaming. Nulls are dropped: they mean "default", and not
 * every engine reads them so. The body is not changed.
 *
 * @throws ApiError 400 when a content part names a remote address.
 */
export function engineRequest(
  body: ChatRequestBody,
  options: EngineRequestOptions,
): Record<string, unknown> {
  refuseRemoteMedia(body.messages)
  const { kind, maxOutputTokens } = options
  const request: Record<string, unknown> = { model: options.model, messages: body.messages }
  for (const [name, value] of Object.entries(body)) {
    if (value !== null && reachesEngine(name, kind)) request[name] = value
  }
  const wanted = body.max_completion_tokens ?? body.max_tokens ?? maxOutputTokens
  request['max_tokens'] = Math.min(wanted, maxOutputTokens)
  request['stream'] = options.stream
  if (options.stream) request['stream_options'] = { include_usage: true }
  const switches = templateSwitches(body['chat_template_kwargs'])
  if (switches && kind !== 'embedded') request['chat_template_kwargs'] = switches
  if (kind === 'vllm' && options.cacheSalt) request['cache_salt'] = options.cacheSalt
  return request
}
