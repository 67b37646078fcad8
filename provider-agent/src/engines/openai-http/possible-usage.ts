import { BYTES_PER_PROMPT_TOKEN } from '@infernet/openai-compat/usage'
import type { JobUsage } from '@infernet/schemas/wire'
import type { EngineUsage } from '../engine.ts'

/**
 * Tokens of a choice that carry no text: the ends of turns, the marks of channels and tool calls. The edge's look at
 * a receipt lets as many pass.
 */
const MAX_TEXTLESS_TOKENS = 16
/** Tokens of a prompt beyond its bytes: a template's own words, and images whose files are small. */
const MAX_ADDED_PROMPT_TOKENS = 65_536

/** What the agent knows of an answer's length. */
export interface AnswerExtent {
  /** Tokens of each choice, as the engine was told. */
  readonly maxOutputTokens: number
  readonly choices: number
  /** Bytes of the request body. */
  readonly requestBytes: number
  /** UTF-8 bytes of text that came, over all choices, or more. */
  readonly textBytes: number
  /** Tokens that may have come, as far as can be told without a tokenizer. */
  readonly seenTokens: number
}

/**
 * An engine's counts where they can be true: of an answer no more tokens than were asked for, a
 * byte of text to each, and some where there is text. What it did not count, or cannot have counted, is
 * estimated: Ollama has noughts in each part of a completion but the last.
 */
export function possibleUsage(counted: JobUsage | undefined, extent: AnswerExtent): EngineUsage {
  const { requestBytes, maxOutputTokens, choices, textBytes, seenTokens } = extent
  const mostCompletion = Math.min(
    maxOutputTokens * choices,
    textBytes + MAX_TEXTLESS_TOKENS * choices,
  )
  const leastCompletion = Math.min(seenTokens, textBytes, 1)
  const isPrompt = isIn(counted?.prompt_tokens, 1, requestBytes + MAX_ADDED_PROMPT_TOKENS)
  const isCompletion = isIn(counted?.completion_tokens, leastCompletion, mostCompletion)
  if (counted !== undefined && isPrompt && isCompletion) return counted
  return {
    // Each by itself: evidence is held against the prompt's count.
    ...(counted !== undefined && isPrompt
      ? counted
      : { prompt_tokens: Math.ceil(requestBytes / BYTES_PER_PROMPT_TOKEN) }),
    completion_tokens:
      counted !== undefined && isCompletion
        ? counted.completion_tokens
        : Math.min(seenTokens, mostCompletion),
    estimated: true,
  }
}

const isIn = (count: number | undefined, least: number, most: number): boolean =>
  count !== undefined && count >= least && count <= most
