import type { VerificationNote } from '../verification-note.ts'
import type {
  FunctionTool,
  NamespaceTool,
  ResponsesRequestBody,
} from './responses-request-schema.ts'

/** How far an item has come. */
export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

/** The chosen token at one position, in this API's words. */
export interface OutputLogprob {
  token: string
  logprob: number
  bytes: number[]
  top_logprobs: { token: string; logprob: number; bytes: number[] }[]
}

export interface OutputText {
  type: 'output_text'
  text: string
  annotations: []
  logprobs: OutputLogprob[]
}

export interface OutputRefusal {
  type: 'refusal'
  refusal: string
}

export interface OutputMessage {
  id: string
  type: 'message'
  role: 'assistant'
  status: ItemStatus
  content: (OutputText | OutputRefusal)[]
}

export interface OutputReasoning {
  id: string
  type: 'reasoning'
  status: ItemStatus
  summary: []
  content: { type: 'reasoning_text'; text: string }[]
}

export interface OutputCall {
  id: string
  type: 'function_call'
  status: ItemStatus
  call_id: string
  name: string
  /** Absent for a function that is in none. */
  namespace?: string
  arguments: string
}

/** What a model can put out here. */
export type OutputItem = OutputMessage | OutputReasoning | OutputCall

/** Token counts, with what they cost: see `BilledUsage`. */
export interface ResponseUsage {
  input_tokens: number
  input_tokens_details: { cached_tokens: number; cache_write_tokens: number }
  output_tokens: number
  output_tokens_details: { reasoning_tokens: number }
  total_tokens: number
  /** msat. */
  cost?: number
  cost_sat?: number
}

/** What a response repeats of its request. */
export interface ResponseSettings {
  instructions: string | null
  max_output_tokens: number | null
  max_tool_calls: number | null
  metadata: Readonly<Record<string, string>>
  parallel_tool_calls: boolean
  previous_response_id: string | null
  prompt_cache_key: string | null
  reasoning: { effort: string | null; summary: string | null }
  safety_identifier: string | null
  service_tier: 'default'
  store: boolean
  temperature: number | null
  text: { format: object; verbosity: string | null }
  tool_choice: NonNullable<ResponsesRequestBody['tool_choice']>
  tools: readonly (FunctionTool | NamespaceTool)[]
  top_logprobs: number
  top_p: number | null
  truncation: 'disabled'
  user?: string
}

/** An answer of POST /v1/responses (OpenAI: Response). Times are in Unix seconds. */
export interface ResponseObject extends ResponseSettings {
  id: string
  object: 'response'
  created_at: number
  completed_at: number | null
  status: 'in_progress' | 'completed' | 'incomplete' | 'failed'
  background: false
  error: { code: string; message: string } | null
  incomplete_details: { reason: 'max_output_tokens' | 'content_filter' } | null
  model: string
  output: readonly OutputItem[]
  usage?: ResponseUsage
  /** How it was verified, where its client waited for that. */
  infernet?: VerificationNote
}
