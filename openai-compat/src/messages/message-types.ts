import type { VerificationNote } from '../verification-note.ts'

/** Why a message stopped, in Anthropic's words. */
export type StopReason = 'end_turn' | 'max_tokens' | 'stop_sequence' | 'tool_use' | 'refusal'

/** A piece of a message's content. */
export type ContentBlock =
  | { type: 'text'; text: string; citations: null }
  /** The signature is Anthropic's own proof of what Claude thought; nobody signs here. */
  | { type: 'thinking'; thinking: string; signature: '' }
  | { type: 'tool_use'; id: string; name: string; input: unknown; caller: { type: 'direct' } }

/**
 * Token counts in Anthropic's words: `input_tokens` is what no cache held. `cost` is in msat and
 * `cost_sat` in satoshi, as in chat completions; absent where nothing is billed yet.
 */
export interface MessageUsage {
  input_tokens: number
  output_tokens: number
  cache_creation_input_tokens: number
  cache_read_input_tokens: number
  output_tokens_details: { thinking_tokens: number } | null
  server_tool_use: null
  cost?: number
  cost_sat?: number
}

/** How an answer ended: `message_delta` has it, and a whole message too. */
export interface MessageEnd {
  stop_reason: StopReason | null
  stop_sequence: string | null
  stop_details: null
  container: null
}

/** How an answer was verified, where its client waited for that. */
export interface Verified {
  infernet?: VerificationNote
}

/** A whole answer (Anthropic: Message). */
export interface Message extends MessageEnd, Verified {
  id: string
  type: 'message'
  role: 'assistant'
  model: string
  content: ContentBlock[]
  diagnostics: null
  usage: MessageUsage & {
    cache_creation: null
    inference_geo: null
    service_tier: null
    speed: null
  }
}

export type BlockDelta =
  | { type: 'text_delta'; text: string }
  | { type: 'thinking_delta'; thinking: string }
  | { type: 'input_json_delta'; partial_json: string }

/** The events of a streamed answer, in their order; `ping` may come anywhere. */
export type MessageEvent =
  | { type: 'message_start'; message: Message }
  | { type: 'ping' }
  | { type: 'content_block_start'; index: number; content_block: ContentBlock }
  | { type: 'content_block_delta'; index: number; delta: BlockDelta }
  | { type: 'content_block_stop'; index: number }
  | ({ type: 'message_delta'; delta: MessageEnd; usage: MessageUsage } & Verified)
  | { type: 'message_stop' }
