import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChoiceLogprobs,
  ChunkDelta,
  ChunkHead,
  CompletionChoice,
  FinishReason,
  ToolCall,
  Usage,
  UsageChunk,
} from './chat-types.ts'
import { CHUNK_OBJECT, type StreamEndpoint } from './stream-endpoint.ts'

/** Who writes an answer: what the builders of one stream share, so that its id never changes. */
function envelope<T extends string>(head: ChunkHead, object: T) {
  return {
    id: head.id,
    object,
    created: head.created,
    model: head.model,
    ...(head.systemFingerprint === undefined ? {} : { system_fingerprint: head.systemFingerprint }),
  }
}

function chunk(
  head: ChunkHead,
  index: number,
  delta: ChunkDelta,
  finishReason: FinishReason | null = null,
  logprobs: ChoiceLogprobs | null = null,
): ChatCompletionChunk {
  return {
    ...envelope(head, 'chat.completion.chunk'),
    choices: [{ index, delta, logprobs, finish_reason: finishReason }],
  }
}

/** The first chunk of a choice: its role and no text yet. */
export function roleChunk(head: ChunkHead, index = 0): ChatCompletionChunk {
  return chunk(head, index, { role: 'assistant', content: '', refusal: null })
}

/** A piece of text, with its tokens' log probabilities if they were asked for. */
export function contentChunk(
  head: ChunkHead,
  text: string,
  index = 0,
  logprobs: ChoiceLogprobs | null = null,
): ChatCompletionChunk {
  return chunk(head, index, { content: text }, null, logprobs)
}

/** A whole tool call as one delta; `callIndex` is its place in the message. */
export function toolCallChunk(
  head: ChunkHead,
  call: ToolCall,
  callIndex: number,
  index = 0,
): ChatCompletionChunk {
  return chunk(head, index, { tool_calls: [{ index: callIndex, ...call }] })
}

/** The last chunk of a choice. */
export function finishChunk(
  head: ChunkHead,
  finishReason: FinishReason,
  index = 0,
): ChatCompletionChunk {
  return chunk(head, index, {}, finishReason)
}

/**
 * The extra chunk of `stream_options.include_usage`: no choices, last before `[DONE]`. `usage` may be
 * a `BilledUsage`, with its cost.
 */
export function usageChunk(
  head: ChunkHead,
  usage: Usage,
  endpoint: StreamEndpoint = 'chat.completions',
): UsageChunk {
  return { ...envelope(head, CHUNK_OBJECT[endpoint]), choices: [], usage }
}

/** One choice of a whole answer. A message with tool calls and no text has null content. */
export function completionChoice(
  text: string,
  finishReason: FinishReason,
  options: { index?: number; toolCalls?: ToolCall[]; logprobs?: ChoiceLogprobs | null } = {},
): CompletionChoice {
  const { index = 0, toolCalls = [], logprobs = null } = options
  return {
    index,
    message: {
      role: 'assistant',
      content: text === '' && toolCalls.length > 0 ? null : text,
      refusal: null,
      ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
    },
    logprobs,
    finish_reason: finishReason,
  }
}

/** A whole answer that is not streamed. */
export function chatCompletion(
  head: ChunkHead,
  choices: CompletionChoice[],
  usage: Usage,
): ChatCompletion {
  return { ...envelope(head, 'chat.completion'), choices, usage }
}

/**
 * The fast path for plain text: everything but the text is serialised once per stream, so that a
 * token costs one JSON.stringify of a short string. Returns a writer of finished SSE events, equal
 * to encoding `contentChunk` each time.
 */
export function contentEventWriter(head: ChunkHead, index = 0): (text: string) => Uint8Array {
  const encoder = new TextEncoder()
  const [before = '', after = ''] = JSON.stringify(contentChunk(head, '', index)).split(
    '"content":""',
  )
  const prefix = `data: ${before}"content":`
  const suffix = `${after}\n\n`
  return (text) => encoder.encode(prefix + JSON.stringify(text) + suffix)
}
