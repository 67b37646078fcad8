import type { Usage } from './chat-types.ts'

/**
 * Tokens per choice that carry no text of their own: the end of turn, and the opening and closing
 * of one reasoning or tool-call block, with one to spare. More than the delivered bytes plus this
 * cannot have been needed, since every other token has at least one byte.
 */
export const TEXTLESS_TOKENS_PER_CHOICE = 4

/**
 * Tokens that a chat template may add to a prompt beyond the client's own bytes: special tokens,
 * a default system prompt, the tool-calling instructions (about 150 in Hermes templates).
 */
const TEMPLATE_TOKENS = 256

/** Template tokens around one message (role header, separators). */
const TEMPLATE_TOKENS_PER_MESSAGE = 8

/** Mean bytes of request JSON per prompt token, for prompts whose count nobody reported. */
export const BYTES_PER_PROMPT_TOKEN = 4

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function detail(usage: object, group: string, name: string): number | undefined {
  const details: unknown = (usage as Record<string, unknown>)[group]
  if (typeof details !== 'object' || details === null) return undefined
  const count: unknown = (details as Record<string, unknown>)[name]
  return isCount(count) ? count : undefined
}

/**
 * Reads an engine's usage object. Undefined unless the two counts are whole and not negative; the
 * total is computed, never believed; unknown details are left out.
 */
export function parseUsage(value: unknown): Usage | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { prompt_tokens: prompt, completion_tokens: completion } = value as Record<string, unknown>
  if (!isCount(prompt) || !isCount(completion) || !isCount(prompt + completion)) return undefined
  const cached = detail(value, 'prompt_tokens_details', 'cached_tokens')
  const reasoning = detail(value, 'completion_tokens_details', 'reasoning_tokens')
  return {
    ...makeUsage(prompt, completion),
    ...(cached === undefined ? {} : { prompt_tokens_details: { cached_tokens: cached } }),
    ...(reasoning === undefined
      ? {}
      : { completion_tokens_details: { reasoning_tokens: reasoning } }),
  }
}

/** A usage object from its two counts. */
export function makeUsage(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
}

/** What is known about one answer when it is over. All counts are whole numbers. */
export interface Delivery {
  /** What the provider claims, if it said anything. Never believed beyond what was delivered. */
  claimed: Usage | undefined
  /** SSE events with text that were delivered (0 or 1 for an answer that was not streamed). */
  contentEvents: number
  /** UTF-8 bytes of text that were delivered, over all choices. */
  contentBytes: number
  /** Choices asked for (`n`). */
  choices: number
  /** Bytes of the request body. */
  requestBytes: number
  /** Messages in the request. */
  messages: number
  /** `complete`: every choice reached its finish reason. `cut`: failed, cancelled or hung up. */
  ended: 'complete' | 'cut'
}

/** Tokens to charge the client for and to pay the provider. */
export interface BilledTokens {
  promptTokens: number
  completionTokens: number
}

/**
 * Upper bound of a prompt's tokens before any tokenizer has seen it: every token of the client's
 * covers at least one byte of the request, and the template adds only so much.
 */
export function maxPromptTokens(requestBytes: number, messages: number): number {
  return requestBytes + TEMPLATE_TOKENS + TEMPLATE_TOKENS_PER_MESSAGE * messages
}

function billablePrompt(delivery: Delivery): number {
  const most = maxPromptTokens(delivery.requestBytes, delivery.messages)
  const estimate = Math.ceil(delivery.requestBytes / BYTES_PER_PROMPT_TOKEN)
  return Math.min(delivery.claimed?.prompt_tokens ?? estimate, most)
}

function billableCompletion(delivery: Delivery): number {
  const claimed = delivery.claimed?.completion_tokens
  const { contentEvents, contentBytes } = delivery
  if (delivery.ended === 'complete' && claimed !== undefined) {
    return Math.min(claimed, contentBytes + TEXTLESS_TOKENS_PER_CHOICE * delivery.choices)
  }
  return Math.min(claimed ?? contentEvents, contentEvents, contentBytes)
}

/**
 * The billing rule. Two people would like to cheat here:
 *
 * - A provider inflates its usage. So a claim counts only up to the text that the client really
 *   got: a token has at least one byte. (That bound is loose, about four times the truth for
 *   English; verification finds who lives in the gap.)
 * - A client hangs up just before the usage chunk to pay nothing. So an answer that was cut is
 *   billed by the events delivered. An event may hold several tokens (speculative decoding), never
 *   less than one, so the doubt favours the client, and still the claim bounds it.
 *
 * A prompt is billed as claimed, bounded by the request's own bytes and the template's overhead,
 * or estimated when the answer was cut before anyone counted. Nothing delivered costs nothing, the
 * prompt included.
 */
export function billableTokens(delivery: Delivery): BilledTokens {
  if (delivery.contentEvents === 0 || delivery.contentBytes === 0) {
    return { promptTokens: 0, completionTokens: 0 }
  }
  return {
    promptTokens: billablePrompt(delivery),
    completionTokens: billableCompletion(delivery),
  }
}
