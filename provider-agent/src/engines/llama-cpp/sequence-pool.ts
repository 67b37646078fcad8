import type { LlamaContextSequence, Token } from 'node-llama-cpp'

/** llama.cpp's usual batch. */
const PROMPT_TOKENS_PER_STEP = 512

/** A loaded model's sequences. Each serves one at a time, and remembers what it has read. */
export class SequencePool {
  readonly #free: LlamaContextSequence[]
  readonly #waiting: ((sequence: LlamaContextSequence) => void)[] = []

  constructor(sequences: readonly LlamaContextSequence[]) {
    this.#free = [...sequences]
  }

  /** Of the free sequences the one that already holds most of `prompt`, or else the next that is given back. */
  async take(prompt: Token[]): Promise<LlamaContextSequence> {
    if (this.#free.length === 0) return new Promise((resolve) => this.#waiting.push(resolve))
    const held = this.#free.map((sequence) => sequence.compareContextTokens(prompt))
    return this.#takeMost(held.map(({ firstDifferentIndex }) => firstDifferentIndex))
  }

  /** Of the free sequences the one that remembers least, or else the next that is given back. */
  async takeEmptiest(): Promise<LlamaContextSequence> {
    if (this.#free.length === 0) return new Promise((resolve) => this.#waiting.push(resolve))
    return this.#takeMost(this.#free.map(({ nextTokenIndex }) => -nextTokenIndex))
  }

  #takeMost(scores: readonly number[]): LlamaContextSequence {
    const [best] = this.#free.splice(scores.indexOf(Math.max(...scores)), 1)
    return best as LlamaContextSequence
  }

  giveBack(sequence: LlamaContextSequence): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(sequence)
    else next(sequence)
  }
}

/** Cuts a sequence back to what it has in common with `prompt`; returns how many tokens that is. */
export async function keepPrefix(sequence: LlamaContextSequence, prompt: Token[]): Promise<number> {
  const { firstDifferentIndex } = sequence.compareContextTokens(prompt)
  // The last prompt token is always evaluated: its logits are the answer's first.
  const start = Math.min(firstDifferentIndex, prompt.length - 1)
  const end = sequence.nextTokenIndex
  if (end > start) await sequence.eraseContextTokenRanges([{ start, end }])
  return Math.min(start, sequence.nextTokenIndex)
}

/**
 * Evaluates all of a prompt but its last piece, which it returns: in pieces, since an evaluation
 * under way cannot be stopped and a client may leave during a long prompt. `onPiece` hears of each.
 */
export async function readPrompt(
  sequence: LlamaContextSequence,
  prompt: readonly Token[],
  isAborted: () => boolean,
  onPiece: () => void,
): Promise<Token[]> {
  let at = 0
  for (
    ;
    prompt.length - at > PROMPT_TOKENS_PER_STEP && !isAborted();
    at += PROMPT_TOKENS_PER_STEP
  ) {
    const piece = prompt.slice(at, at + PROMPT_TOKENS_PER_STEP)
    await sequence.evaluateWithoutGeneratingNewTokens(piece)
    onPiece()
  }
  return prompt.slice(at)
}
