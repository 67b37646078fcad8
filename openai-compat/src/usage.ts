import type { BilledUsage, Usage } from './chat-types.ts'

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

/** Usage with its cost. `costMsat` is a whole number of msat; see {@link BilledUsage} for the units. */
export function billedUsage(usage: Usage, costMsat: number): BilledUsage {
  return { ...usage, cost: costMsat, cost_sat: costMsat / 1000 }
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

/** What one provider delivered of an answer that several had a part in. */
export type DeliveredLeg = Pick<Delivery, 'claimed' | 'contentEvents' | 'contentBytes' | 'ended'>

/** An answer that several providers had a part in, in their order. At most one leg is complete. */
export interface LegsDelivery extends Pick<Delivery, 'choices' | 'requestBytes' | 'messages'> {
  legs: readonly DeliveredLeg[]
  /** The most that may be billed over all legs: what the hold was made for. */
  maxCompletionTokens: number
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

/** `before`: of the claimed tokens, those that other providers delivered and this one was handed. */
function billablePrompt(delivery: Delivery, before = 0): number {
  const most = maxPromptTokens(delivery.requestBytes, delivery.messages)
  const estimate = Math.ceil(delivery.requestBytes / BYTES_PER_PROMPT_TOKEN)
  const { claimed } = delivery
  if (claimed === undefined) return Math.min(estimate, most)
  return Math.min(Math.max(0, claimed.prompt_tokens - before), most)
}

function isEmpty({ contentEvents, contentBytes }: DeliveredLeg): boolean {
  return contentEvents === 0 || contentBytes === 0
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
  if (isEmpty(delivery)) return { promptTokens: 0, completionTokens: 0 }
  return {
    promptTokens: billablePrompt(delivery),
    completionTokens: billableCompletion(delivery),
  }
}

/**
 * The billing rule for an answer that one provider after another delivered: for each leg, in order,
 * what its provider is paid for; the client is charged the sum.
 *
 * - Each is paid for the text it delivered, by the rule of {@link billableTokens}: by events where it
 *   was cut, by its bounded claim where it ended the answer.
 * - The prompt is billed once, to the provider that ended the answer, or if none did, to the last
 *   that delivered text. That one was handed the text before it as part of its prompt and counts it
 *   there; what others are paid for is taken out again.
 * - An answer without any text costs nothing, the prompt included.
 *
 * One leg is billed as `billableTokens` does, up to `maxCompletionTokens`.
 */
export function billableLegs(delivery: LegsDelivery): BilledTokens[] {
  const { legs } = delivery
  const speaker = legs.findLastIndex((leg) => !isEmpty(leg))
  const ender = legs.findIndex(({ ended }) => ended === 'complete')
  const prompted = speaker === -1 || ender === -1 ? speaker : ender
  let before = 0
  return legs.map((leg, i) => {
    const whole = { ...delivery, ...leg }
    const promptTokens = i === prompted ? billablePrompt(whole, before) : 0
    const earned = isEmpty(leg) ? 0 : billableCompletion(whole)
    const completionTokens = Math.min(earned, delivery.maxCompletionTokens - before)
    before += completionTokens
    return { promptTokens, completionTokens }
  })
}

/**
 * The billing rule for embeddings that were delivered: there is no text to count, so that the input
 * is billed as claimed, bounded by the request's bytes (an input has more of them than tokens, its
 * quotes included), or estimated when nobody counted.
 */
export function billableEmbeddings(delivery: {
  claimed: Usage | undefined
  /** Bytes of the request body. */
  requestBytes: number
}): BilledTokens {
  const { claimed, requestBytes } = delivery
  const estimate = Math.ceil(requestBytes / BYTES_PER_PROMPT_TOKEN)
  return {
    promptTokens: Math.min(claimed?.prompt_tokens ?? estimate, requestBytes),
    completionTokens: 0,
  }
}
