import type { LlamaModel, Token } from 'node-llama-cpp'

/** A character has at most 4 bytes; after this many tokens without one the bytes are garbage. */
const MAX_HELD_TOKENS = 8
/** Tokens before the current one that a detokenizer may look back at. */
const LOOK_BACK_TOKENS = 4

/**
 * Text of tokens as they come; a character cut by a token boundary waits for its rest, and is
 * nobody's text when that never comes.
 */
export class TokenText {
  readonly #model: LlamaModel
  #before: Token[]
  #held: Token[] = []

  constructor(model: LlamaModel, prompt: readonly Token[]) {
    this.#model = model
    this.#before = prompt.slice(-LOOK_BACK_TOKENS)
  }

  push(token: Token): string {
    this.#held.push(token)
    const text = this.#model.detokenize(this.#held, false, this.#before)
    if (text.endsWith('\uFFFD') && this.#held.length < MAX_HELD_TOKENS) return ''
    this.#before = [...this.#before, ...this.#held].slice(-LOOK_BACK_TOKENS)
    this.#held = []
    return text
  }
}
