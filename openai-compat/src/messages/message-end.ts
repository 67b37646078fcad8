import type { ChatUsage } from './chat-answer-schema.ts'
import type { MessageEnd, MessageUsage, StopReason } from './message-types.ts'

/** What a chat completion says about its end. */
export interface ChatEnd {
  finishReason: string | null | undefined
  /** vLLM's `stop_reason`: the stop sequence that it met, a token id or nothing. */
  stopReason: unknown
  /** The answer has tool calls: some engines finish those with `stop`. */
  hasCalls: boolean
  refused: boolean
}

/** The request's stop sequences are needed, since only one of them can be the reason. */
export function messageEnd(end: ChatEnd, stopSequences: readonly string[]): MessageEnd {
  const met = stopSequences.find((sequence) => sequence === end.stopReason)
  const stopped = end.finishReason === 'stop' && !end.hasCalls ? met : undefined
  return {
    stop_reason: stopped === undefined ? stopReason(end) : 'stop_sequence',
    stop_sequence: stopped ?? null,
    stop_details: null,
    container: null,
  }
}

function stopReason({ finishReason, hasCalls, refused }: ChatEnd): StopReason {
  if (finishReason === 'length') return 'max_tokens'
  if (finishReason === 'content_filter' || refused) return 'refusal'
  return hasCalls || finishReason === 'tool_calls' ? 'tool_use' : 'end_turn'
}

/** Counts in Anthropic's words; all zero while nothing is known. */
export function messageUsage(usage: ChatUsage | null | undefined): MessageUsage {
  const prompt = usage?.prompt_tokens ?? 0
  const cached = Math.min(usage?.prompt_tokens_details?.cached_tokens ?? 0, prompt)
  const thinking = usage?.completion_tokens_details?.reasoning_tokens
  return {
    input_tokens: prompt - cached,
    output_tokens: usage?.completion_tokens ?? 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens_details: typeof thinking === 'number' ? { thinking_tokens: thinking } : null,
    server_tool_use: null,
    ...(usage?.cost === undefined ? {} : { cost: usage.cost }),
    ...(usage?.cost_sat === undefined ? {} : { cost_sat: usage.cost_sat }),
  }
}
