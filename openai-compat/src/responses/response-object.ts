import type { Usage } from '../chat-types.ts'
import type { VerificationNote } from '../verification-note.ts'
import type {
  OutputItem,
  ResponseObject,
  ResponseSettings,
  ResponseUsage,
} from './response-types.ts'
import type { FunctionTool, ResponsesRequestBody } from './responses-request-schema.ts'
import { listedTools } from './shown-tools.ts'

/** What a response repeats of its request, with OpenAI's defaults; null is "as the model has it". */
export function settingsOf(body: ResponsesRequestBody): ResponseSettings {
  const { text, reasoning, user } = body
  return {
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    metadata: body.metadata ?? {},
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.summary ?? null },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: 'default',
    store: body.store ?? true,
    temperature: body.temperature ?? null,
    text: { format: text?.format ?? { type: 'text' }, verbosity: text?.verbosity ?? null },
    tool_choice: body.tool_choice ?? 'auto',
    tools: listedTools(body).map((tool) =>
      tool.type === 'function'
        ? writtenOut(tool)
        : { ...tool, description: tool.description ?? '', tools: tool.tools.map(writtenOut) },
    ),
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? null,
    // Nothing is ever dropped from the input in silence, whatever was asked for.
    truncation: 'disabled',
    ...(typeof user === 'string' ? { user } : {}),
  }
}

const writtenOut = (tool: FunctionTool): FunctionTool => ({
  ...tool,
  parameters: tool.parameters ?? null,
  strict: tool.strict ?? null,
})

/** What stays the same over the life of a response. `createdAt` is in ms since the epoch. */
export interface ResponseHead {
  readonly id: string
  readonly model: string
  readonly createdAt: number
  readonly settings: ResponseSettings
  /** Log probabilities were asked for. */
  readonly logprobs: boolean
  /** Its client waits for the verdict, which the edge writes at its end. */
  readonly isStrict?: boolean
}

/** What the edge adds to a response that has ended well. */
export interface LastWord {
  readonly usage: Usage | undefined
  readonly note: VerificationNote | undefined
}

/** How far a response has come. */
export type ResponseState =
  | { readonly status: 'in_progress' }
  | ({ readonly status: 'completed'; readonly at: number } & LastWord)
  | ({
      readonly status: 'incomplete'
      readonly reason: 'max_output_tokens' | 'content_filter'
    } & LastWord)
  | { readonly status: 'failed'; readonly code: string; readonly message: string }

/** The response at one moment. The items are not copied. */
export function responseObject(
  { id, model, createdAt, settings }: ResponseHead,
  state: ResponseState,
  output: readonly OutputItem[],
): ResponseObject {
  const failed = state.status === 'failed'
  const { usage, note } = 'usage' in state ? state : { usage: undefined, note: undefined }
  return {
    id,
    object: 'response',
    created_at: Math.floor(createdAt / 1000),
    status: state.status,
    background: false,
    completed_at: state.status === 'completed' ? Math.floor(state.at / 1000) : null,
    error: failed ? { code: state.code, message: state.message } : null,
    incomplete_details: state.status === 'incomplete' ? { reason: state.reason } : null,
    model,
    output,
    ...settings,
    ...(usage === undefined ? {} : { usage: responseUsage(usage) }),
    ...(note === undefined ? {} : { infernet: note }),
  }
}

/** Chat's usage in this API's names; what it cost is kept. */
function responseUsage(usage: Usage & { cost?: number; cost_sat?: number }): ResponseUsage {
  return {
    input_tokens: usage.prompt_tokens,
    input_tokens_details: {
      cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
      cache_write_tokens: 0,
    },
    output_tokens: usage.completion_tokens,
    output_tokens_details: {
      reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    },
    total_tokens: usage.total_tokens,
    ...(usage.cost === undefined ? {} : { cost: usage.cost }),
    ...(usage.cost_sat === undefined ? {} : { cost_sat: usage.cost_sat }),
  }
}
