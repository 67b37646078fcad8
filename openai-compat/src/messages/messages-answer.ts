import { apiErrors } from '../api-errors.ts'
import { noteIn } from '../verification-note.ts'
import { chatAnswerSchema, type ChatUsage } from './chat-answer-schema.ts'
import { messageEnd, messageUsage } from './message-end.ts'
import type { ContentBlock, Message, MessageEnd, Verified } from './message-types.ts'

/** What the edge knows of a message before its engine has said anything. */
export interface MessageHead {
  /** `msg_…` */
  readonly id: string
  readonly model: string
  /** Of the request. */
  readonly stopSequences: readonly string[]
  /** Its client waits for the verdict, which the edge writes at its end. */
  readonly isStrict?: boolean
}

/**
 * A whole chat completion as Anthropic's Message.
 *
 * @throws ApiError 502 for bytes that are no chat completion.
 */
export function messagesAnswer(completion: Uint8Array, head: MessageHead): Message {
  const parsed = chatAnswerSchema.safeParse(parseJson(completion))
  const choice = parsed.data?.choices[0]
  if (parsed.data === undefined || choice === undefined) throw apiErrors.providerFailed()
  const { message, finish_reason: finishReason, stop_reason: stopReason } = choice
  const { reasoning_content: thinking, content, refusal } = message
  const calls = message.tool_calls ?? []
  const blocks: ContentBlock[] = []
  if (thinking) blocks.push({ type: 'thinking', thinking, signature: '' })
  for (const text of [content, refusal]) if (text) blocks.push(textBlock(text))
  for (const [index, { id, function: called }] of calls.entries()) {
    const input = inputOf(called.arguments ?? '')
    blocks.push({ ...toolUseBlock(id ?? callId(head, index), called.name), input })
  }
  const end = { finishReason, stopReason, hasCalls: calls.length > 0, refused: Boolean(refusal) }
  const answer = newMessage(head, blocks, messageEnd(end, head.stopSequences), parsed.data.usage)
  return { ...answer, ...verified(head, parsed.data) }
}

/** What the edge says of an answer, or of a stream in its last chunk. */
export function verified({ isStrict }: MessageHead, value: object): Verified {
  const note = isStrict === true ? noteIn(value) : undefined
  return note === undefined ? {} : { infernet: note }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

export const textBlock = (text: string): ContentBlock => ({ type: 'text', text, citations: null })

type ToolUseBlock = Extract<ContentBlock, { type: 'tool_use' }>

/** A call whose input is not known yet. */
export const toolUseBlock = (id: string, name: string): ToolUseBlock => ({
  type: 'tool_use',
  id,
  name,
  input: {},
  caller: { type: 'direct' },
})

/** For engines that give calls no id. */
export const callId = (head: MessageHead, index: number): string =>
  `toolu_${head.id.replace(/^msg_/, '')}_${index}`

/**
 * Arguments that were cut off, or that the model wrote wrongly, are handed over as they are, in the
 * form that Anthropic's guide gives invalid JSON.
 */
function inputOf(written: string): unknown {
  if (written.trim() === '') return {}
  try {
    return JSON.parse(written)
  } catch {
    return { INVALID_JSON: written }
  }
}

const NO_END: MessageEnd = {
  stop_reason: null,
  stop_sequence: null,
  stop_details: null,
  container: null,
}

/** The message of `message_start`: no content, no end, nothing counted yet. */
export const emptyMessage = (head: MessageHead): Message => newMessage(head, [], NO_END, undefined)

function newMessage(
  { id, model }: MessageHead,
  content: ContentBlock[],
  end: MessageEnd,
  usage: ChatUsage | null | undefined,
): Message {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content,
    ...end,
    diagnostics: null,
    usage: {
      ...messageUsage(usage),
      cache_creation: null,
      inference_geo: null,
      service_tier: null,
      speed: null,
    },
  }
}
