import { apiErrors } from './api-errors.ts'
import type { ChatMessage } from './chat-request-schema.ts'
import { namesPlace } from './names-place.ts'

type Members = Readonly<Record<string, unknown>>

/**
 * What an engine is sent of each kind of content part. Nothing else: vLLM takes a part that has a
 * `uuid` for whatever media its other members name, and fetches that.
 */
const PARTS: Readonly<Record<string, (part: Members, at: string) => Members>> = {
  text: ({ text }) => ({ type: 'text', text }),
  refusal: ({ refusal }) => ({ type: 'refusal', refusal }),
  image_url(part, at) {
    const image_url = picked(part, 'image_url', { at, names: ['url', 'detail'] })
    refuseRemote(image_url['url'], `${at}.image_url.url`)
    return { type: 'image_url', image_url }
  },
  input_audio(part, at) {
    const input_audio = picked(part, 'input_audio', { at, names: ['data', 'format'] })
    refuseRemoteFile(input_audio['data'], `${at}.input_audio.data`)
    return { type: 'input_audio', input_audio }
  },
  file(part, at) {
    const file = picked(part, 'file', { at, names: ['filename', 'file_data', 'file_id'] })
    if (file['file_data'] !== undefined) {
      refuseRemoteFile(file['file_data'], `${at}.file.file_data`)
    }
    return { type: 'file', file }
  },
}

/** Members of a message that engines and their templates know. */
const MEMBERS: ReadonlySet<string> = new Set([
  'role',
  'content',
  'name',
  'tool_calls',
  'tool_call_id',
  'function_call',
  'refusal',
  'reasoning',
  'reasoning_content',
])

/**
 * The messages as an engine is sent them: of content parts only the members that OpenAI's API has,
 * and of messages no others that name a place, so that none is read as something else by one engine or
 * another. Text alone is not copied.
 *
 * @throws ApiError 400 for a part that is none, and `remote_url_not_supported`, `param` naming it,
 * for one that names an address (`http:`, `file:` …): the engine would fetch it from inside the
 * provider's network. `data:` URLs pass.
 */
export const engineMessages = (messages: readonly ChatMessage[]): ChatMessage[] =>
  messages.map((message, m) => {
    const known = withoutPlaces(message)
    const content: unknown = known.content
    if (content === undefined || content === null || typeof content === 'string') return known
    const at = `messages.${m}.content`
    if (!Array.isArray(content)) throw notContent(at)
    const parts = content.map((part, p) => enginePart(part, `${at}.${p}`))
    return { ...known, content: parts } as ChatMessage
  })

function withoutPlaces(message: ChatMessage): ChatMessage {
  const members = Object.entries(message)
  const kept = members.filter(([name, value]) => MEMBERS.has(name) || !namesPlace(value))
  return kept.length === members.length ? message : (Object.fromEntries(kept) as ChatMessage)
}

/**
 * Refuses what {@link engineMessages} refuses. The edge calls this before matching, the agent asks
 * again before its engine, since it need not believe an edge.
 */
export function refuseRemoteMedia(messages: readonly ChatMessage[]): void {
  engineMessages(messages)
}

function enginePart(part: unknown, at: string): Members {
  const members = membersOf(part, at)
  const { type } = members
  const known = typeof type === 'string' && Object.hasOwn(PARTS, type) ? PARTS[type] : undefined
  if (known === undefined) throw notContent(`${at}.type`)
  return known(members, at)
}

function picked(
  part: Members,
  name: string,
  { at, names }: { readonly at: string; readonly names: readonly string[] },
): Members {
  const members = membersOf(part[name], `${at}.${name}`)
  const kept = names.filter((one) => Object.hasOwn(members, one))
  return Object.fromEntries(kept.map((one) => [one, members[one]]))
}

function membersOf(value: unknown, at: string): Members {
  if (typeof value === 'object' && value !== null) return value as Members
  throw notContent(at)
}

const notContent = (param: string) =>
  apiErrors.invalidRequest(
    `Invalid '${param}': expected a text, or parts of the types ${Object.keys(PARTS).join(', ')}.`,
    param,
    'invalid_value',
  )

function refuseRemote(url: unknown, param: string): void {
  if (typeof url === 'string' && /^data:/i.test(url)) return
  throw apiErrors.invalidRequest(
    `Invalid '${param}': remote media is not fetched here. Send the content itself as a data: URL.`,
    param,
    'remote_url_not_supported',
  )
}

/** Base64 contains no colon, so anything that does and is not a data: URL is an address. */
function refuseRemoteFile(data: unknown, param: string): void {
  if (typeof data !== 'string' || data.includes(':')) refuseRemote(data, param)
}
