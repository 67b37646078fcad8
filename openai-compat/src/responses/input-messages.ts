import { apiErrors } from '../api-errors.ts'
import type { InputPart, SpokenItem } from './responses-request-schema.ts'
import { shownName } from './shown-tools.ts'

type Message = Record<string, unknown>
type Turn = Extract<SpokenItem, { role: 'assistant' } | { type: 'function_call' | 'reasoning' }>
type Content = string | readonly InputPart[]

/** What one turn of the assistant has said, thought and called so far. */
interface OpenTurn {
  texts: string[]
  thoughts: string[]
  calls: object[]
}

/**
 * The messages of a chat request that say what these items say. All that the assistant says between
 * two words of others is one message, as chat templates want it: its thoughts, its text, its calls.
 *
 * @throws ApiError 400 for a file or image that is not in the request itself, and for the output of
 * a call that nobody made. `paramOf` names the place of an item in the client's request.
 */
export function inputMessages(
  items: readonly SpokenItem[],
  paramOf: (index: number) => string,
): Message[] {
  const messages: Message[] = []
  const called = new Set<string>()
  let turn: OpenTurn | undefined
  const endTurn = (): void => {
    const message = turn && turnMessage(turn)
    if (message !== undefined) messages.push(message)
    turn = undefined
  }
  for (const [i, item] of items.entries()) {
    if (isAssistants(item)) {
      turn ??= { texts: [], thoughts: [], calls: [] }
      addToTurn(turn, item)
      if (item.type === 'function_call') called.add(item.call_id)
      continue
    }
    endTurn()
    if (item.type === 'message') {
      const content = chatContent(item.content, `${paramOf(i)}.content`)
      messages.push({ role: item.role, content })
      continue
    }
    if (!called.has(item.call_id)) throw unknownCall(item.call_id, `${paramOf(i)}.call_id`)
    const content = chatContent(item.output, `${paramOf(i)}.output`)
    messages.push({ role: 'tool', tool_call_id: item.call_id, content })
  }
  endTurn()
  return messages
}

function isAssistants(item: SpokenItem): item is Turn {
  if (item.type === 'message') return item.role === 'assistant'
  return item.type === 'function_call' || item.type === 'reasoning'
}

function addToTurn(turn: OpenTurn, item: Turn): void {
  switch (item.type) {
    case 'function_call':
      turn.calls.push({
        id: item.call_id,
        type: 'function',
        function: { name: shownName(item), arguments: item.arguments },
      })
      return
    case 'reasoning': {
      const spoken = item.content?.length ? item.content : (item.summary ?? [])
      turn.thoughts.push(...spoken.map((part) => part.text))
      return
    }
    case 'message':
      turn.texts.push(
        typeof item.content === 'string'
          ? item.content
          : item.content
              .map((part) => (part.type === 'refusal' ? part.refusal : part.text))
              .join(''),
      )
  }
}

/** Undefined for a turn of thoughts alone: there is nothing that they led to. */
function turnMessage({ texts, thoughts, calls }: OpenTurn): Message | undefined {
  if (texts.length === 0 && calls.length === 0) return undefined
  return {
    role: 'assistant',
    content: texts.length === 0 ? null : texts.join('\n\n'),
    ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.join('\n\n') }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
}

/** One text is written as a string, which every template knows. */
function chatContent(content: Content, param: string): unknown {
  if (typeof content === 'string') return content
  const [first] = content
  if (content.length === 1 && first?.type === 'input_text') return first.text
  return content.map((part, i) => chatPart(part, `${param}.${i}`))
}

function chatPart(part: InputPart, param: string): object {
  switch (part.type) {
    case 'input_text':
      return { type: 'text', text: part.text }
    case 'input_audio':
      return { type: 'input_audio', input_audio: part.input_audio }
    case 'input_image': {
      refuseStoredFile(part.file_id, param)
      const url = inline(part.image_url, `${param}.image_url`)
      const detail = part.detail === 'original' ? 'high' : part.detail
      return { type: 'image_url', image_url: { url, ...(detail ? { detail } : {}) } }
    }
    case 'input_file': {
      refuseStoredFile(part.file_id, param)
      if (part.file_url) throw remote(`${param}.file_url`)
      const data = part.file_data
      if (!data) throw missing(`${param}.file_data`)
      // Base64 has no colon, so that anything else with one is an address.
      if (data.slice(0, 64).includes(':')) inline(data, `${param}.file_data`)
      const named = part.filename ? { filename: part.filename } : {}
      return { type: 'file', file: { ...named, file_data: data } }
    }
  }
}

function inline(url: string | null | undefined, param: string): string {
  if (!url) throw missing(param)
  if (!/^data:/i.test(url)) throw remote(param)
  return url
}

function refuseStoredFile(fileId: string | null | undefined, param: string): void {
  if (!fileId) return
  throw apiErrors.invalidRequest(
    `Invalid '${param}.file_id': there is no file storage here. Send the content itself.`,
    `${param}.file_id`,
    'unsupported_parameter',
  )
}

const missing = (param: string) =>
  apiErrors.invalidRequest(
    `Missing required parameter: '${param}'.`,
    param,
    'missing_required_parameter',
  )

const remote = (param: string) =>
  apiErrors.invalidRequest(
    `Invalid '${param}': remote media is not fetched here. Send the content itself as a data: URL.`,
    param,
    'remote_url_not_supported',
  )

const unknownCall = (callId: string, param: string) =>
  apiErrors.invalidRequest(
    `No function call with the call_id '${callId.slice(0, 80)}' comes before its output.`,
    param,
    'invalid_value',
  )
