import { msat, type Msat } from '@infernet/schemas/money'
import type { Price } from '@infernet/schemas/wire'

const MILLION = 1_000_000n

/**
 * Cost of tokens at a price in msat per million tokens, rounded up once per job to a whole msat, so
 * that no work is free and no client pays more than one msat above the exact price.
 */
export function costMsat(price: Price, promptTokens: number, completionTokens: number): Msat {
  const exact =
    BigInt(price.prompt) * BigInt(promptTokens) + BigInt(price.completion) * BigInt(completionTokens)
  return msat(Number((exact + MILLION - 1n) / MILLION))
}

/** Tokens a chat template may add around a prompt: role markers per message, tool preamble. */
const TEMPLATE_TOKENS_PER_MESSAGE = 16
const TEMPLATE_TOKENS = 512

/**
 * Upper bound of a prompt's tokens before any tokenizer has seen it: every token covers at least one
 * byte of the body, and a prompt longer than the context is refused by the engine, free of charge.
 */
export function maxPromptTokens(bodyBytes: number, messages: number, contextLength: number): number {
  return Math.min(bodyBytes + messages * TEMPLATE_TOKENS_PER_MESSAGE + TEMPLATE_TOKENS, contextLength)
}
