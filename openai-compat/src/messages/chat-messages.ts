import { apiErrors } from '../api-errors.ts'
import type {
  AssistantBlock,
  Instructions,
  MessageParam,
  ShownBlock,
  ToolResultBlock,
  UserBlock,
} from './messages-schema.ts'

/** A content part of a chat message, as it is written here. */
type ChatPart =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string } }
  | { type: 'file'; file: { filename: string; file_data: string } }

/** A message of a chat request, as it is written here. */
type ChatTurn =
  | { role: 'system'; content: string }
  | { role: 'user'; content: string | ChatPart[] }
  | { role: 'tool'; tool_call_id: string; content: string }
  | {
      role: 'assistant'
      content: string | null
      tool_calls?: {
        id: string
        type: 'function'
        function: { name: string; arguments: string }
      }[]
    }

/** Messages of one role in a row, which Anthropic's API takes as one. */
type Turn =
  | { role: 'system'; content: Instructions }
  | { role: 'user'; blocks: UserBlock[] }
  | { role: 'assistant'; blocks: AssistantBlock[] }

/**
 * The conversation as chat messages: the system prompt first, tool results as messages of their own,
 * thinking left out, since only the model that thought it can check it.
 *
 * @throws ApiError 400 for media that would have to be fetched from an address.
 */
export function chatMessages(
  system: Instructions | null | undefined,
  messages: readonly MessageParam[],
): ChatTurn[] {
  const instructions = textOf(system ?? '')
  const first: ChatTurn[] = instructions === '' ? [] : [{ role: 'system', content: instructions }]
  return [...first, ...turnsOf(messages).flatMap(chatTurns)]
}

/** Many templates refuse two turns of one role in a row. */
function turnsOf(messages: readonly MessageParam[]): Turn[] {
  const turns: Turn[] = []
  for (const message of messages) {
    const last = turns.at(-1)
    if (message.role === 'system') turns.push({ role: 'system', content: message.content })
    else if (message.role === 'user') {
      const blocks = blocksOf(message.content)
      if (last?.role === 'user') last.blocks.push(...blocks)
      else turns.push({ role: 'user', blocks: [...blocks] })
    } else {
      const blocks = blocksOf(message.content)
      if (last?.role === 'assistant') last.blocks.push(...blocks)
      else turns.push({ role: 'assistant', blocks: [...blocks] })
    }
  }
  return turns
}

type TextBlock = { type: 'text'; text: string }

const blocksOf = <Block>(content: string | Block[]): (Block | TextBlock)[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content

const textOf = (content: Instructions): string =>
  blocksOf(content)
    .map((block) => block.text)
    .join('\n')

function chatTurns(turn: Turn): ChatTurn[] {
  if (turn.role === 'system') return [{ role: 'system', content: textOf(turn.content) }]
  return turn.role === 'user' ? userTurns(turn.blocks) : assistantTurns(turn.blocks)
}

/**
 * Tool results answer the assistant's calls and so come first. Chat tool messages are text, so that
 * pictures in a result are shown by the user.
 */
function userTurns(blocks: readonly UserBlock[]): ChatTurn[] {
  const results: ChatTurn[] = []
  const shown: ChatPart[] = []
  const said: ChatPart[] = []
  for (const block of blocks) {
    if (block.type === 'tool_result') {
      const parts = blocksOf(block.content ?? '').flatMap(partsOf)
      const media = parts.filter((part) => part.type !== 'text')
      shown.push(...media)
      results.push({
        role: 'tool',
        tool_call_id: block.tool_use_id,
        content: resultText(block, parts, media.length),
      })
    } else said.push(...partsOf(block))
  }
  const parts = [...shown, ...said]
  return parts.length === 0 ? results : [...results, { role: 'user', content: contentOf(parts) }]
}

function resultText(block: ToolResultBlock, parts: readonly ChatPart[], media: number): string {
  const text = joinTexts(parts)
  const result = text === '' && media > 0 ? 'The result is in the next message.' : text
  if (block.is_error !== true) return result
  return result === '' ? 'Error' : `Error: ${result}`
}

/** Plain text wherever possible: not every engine's template knows parts. */
const contentOf = (parts: ChatPart[]): string | ChatPart[] =>
  parts.every((part) => part.type === 'text') ? joinTexts(parts) : parts

const joinTexts = (parts: readonly ChatPart[]): string =>
  parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')

function assistantTurns(blocks: readonly AssistantBlock[]): ChatTurn[] {
  let text = ''
  const calls: NonNullable<Extract<ChatTurn, { role: 'assistant' }>['tool_calls']> = []
  for (const block of blocks) {
    if (block.type === 'text') text += block.text
    else if (block.type === 'tool_use') {
      const { id, name, input } = block
      calls.push({ id, type: 'function', function: { name, arguments: JSON.stringify(input) } })
    }
  }
  if (calls.length > 0) {
    return [{ role: 'assistant', content: text === '' ? null : text, tool_calls: calls }]
  }
  return text === '' ? [] : [{ role: 'assistant', content: text }]
}

function partsOf(block: ShownBlock): ChatPart[] {
  switch (block.type) {
    case 'text':
      return [{ type: 'text', text: block.text }]
    case 'image':
      return [{ type: 'image_url', image_url: { url: dataUrl(block.source, 'image') } }]
    case 'search_result': {
      const text = block.content.map((part) => part.text).join('\n')
      return [{ type: 'text', text: [block.title, block.source, text].join('\n') }]
    }
    case 'document':
      return documentParts(block)
  }
}

function documentParts(block: Extract<ShownBlock, { type: 'document' }>): ChatPart[] {
  const { source } = block
  const about = [block.title, block.context].filter((line) => typeof line === 'string')
  const heading: ChatPart[] = about.map((text) => ({ type: 'text', text }))
  switch (source.type) {
    case 'text':
      return [...heading, { type: 'text', text: source.data }]
    case 'content':
      return [...heading, ...blocksOf(source.content).flatMap(partsOf)]
    default: {
      const file = { filename: block.title ?? 'document', file_data: dataUrl(source, 'document') }
      return [...heading, { type: 'file', file }]
    }
  }
}

type MediaSource =
  | { type: 'base64'; media_type: string; data: string }
  | { type: 'url'; url: string }

function dataUrl(source: MediaSource, kind: 'image' | 'document'): string {
  if (source.type === 'base64') return `data:${source.media_type};base64,${source.data}`
  if (/^data:/i.test(source.url)) return source.url
  throw apiErrors.invalidRequest(
    `The source of an ${kind === 'image' ? 'image' : 'attached document'} is a URL, and remote media is not fetched here. Send the content itself as base64.`,
    'messages',
    'remote_url_not_supported',
  )
}
