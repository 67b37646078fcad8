/** Why a choice stopped, in OpenAI's words. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call'

/** Token counts of one generation, as an engine claims them or as we bill them. */
export interface Usage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details?: { cached_tokens: number }
  completion_tokens_details?: { reasoning_tokens: number }
}

/**
 * Usage with what it costs the client. `cost` is in msat, as the prices of GET /v1/models are msat per
 * token: a client that multiplies gets the same number. `cost_sat` is the same in satoshi, for people.
 */
export interface BilledUsage extends Usage {
  cost: number
  cost_sat: number
}

/** One alternative at a token position. `bytes` is null where a token has no text of its own. */
export interface TopLogprob {
  token: string
  logprob: number
  bytes: number[] | null
}

/** The chosen token at one position. `id` is llama.cpp's extension, used by verification. */
export interface TokenLogprob extends TopLogprob {
  top_logprobs: TopLogprob[]
  id?: number
}

/** `choices[].logprobs`. Both keys are required by OpenAI's schema. */
export interface ChoiceLogprobs {
  content: TokenLogprob[] | null
  refusal: TokenLogprob[] | null
}

/** A finished tool call inside a message. `arguments` is JSON as text. */
export interface ToolCall {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
}

/** A piece of a tool call inside a stream: the first piece has id, type and name. */
export interface ToolCallDelta {
  index: number
  id?: string
  type?: 'function'
  function?: { name?: string; arguments?: string }
}

/** `choices[].delta` of a chunk. */
export interface ChunkDelta {
  role?: 'assistant'
  content?: string | null
  refusal?: string | null
  reasoning_content?: string
  tool_calls?: ToolCallDelta[]
}

/** `choices[]` of a chunk. */
export interface ChunkChoice {
  index: number
  delta: ChunkDelta
  logprobs: ChoiceLogprobs | null
  finish_reason: FinishReason | null
}

/** What every chunk of one answer repeats. `created` is in Unix seconds. */
export interface ChunkHead {
  id: string
  created: number
  model: string
  systemFingerprint?: string
}

/** One streamed chunk (OpenAI: CreateChatCompletionStreamResponse). */
export interface ChatCompletionChunk {
  id: string
  object: 'chat.completion.chunk'
  created: number
  model: string
  system_fingerprint?: string
  choices: ChunkChoice[]
  usage?: Usage
}

/** The chunk of `stream_options.include_usage`, in a chat stream or a legacy one. */
export interface UsageChunk extends Omit<ChatCompletionChunk, 'object' | 'choices'> {
  object: 'chat.completion.chunk' | 'text_completion'
  choices: []
  usage: Usage
}

/** One choice of an answer that was not streamed. */
export interface CompletionChoice {
  index: number
  message: {
    role: 'assistant'
    content: string | null
    refusal: string | null
    reasoning_content?: string
    tool_calls?: ToolCall[]
  }
  logprobs: ChoiceLogprobs | null
  finish_reason: FinishReason
}

/** An answer that was not streamed (OpenAI: CreateChatCompletionResponse). */
export interface ChatCompletion {
  id: string
  object: 'chat.completion'
  created: number
  model: string
  system_fingerprint?: string
  choices: CompletionChoice[]
  usage: Usage
}
