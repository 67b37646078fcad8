import type { LlamaContextSequence, Token } from 'node-llama-cpp'

/** llama.cpp's usual batch, which the sequences that are evaluated side by side share. */
const BATCH_TOKENS = 512
/** Below that a step costs more than it reads. */
const MIN_TOKENS_PER_STEP = 32

/** A loaded model's sequences. Each serves one at a time, and remembers what it has read. */
export class SequencePool {
  readonly #free: LlamaContextSequence[]
  readonly #count: number
  readonly #waiting: ((sequence: LlamaContextSequence) => void)[] = []
  /** Those with a prompt of which a part is unread. */
  readonly #reading = new Set<LlamaContextSequence>()
  #resting = 0
  #freed: PromiseWithResolvers<void> | undefined

  constructor(sequences: readonly LlamaContextSequence[]) {
    this.#free = [...sequences]
    this.#count = sequences.length
  }

  get hasFree(): boolean {
    return this.#free.length > 0
  }

  /** All are taken, and nobody evaluates any of them. */
  get allRest(): boolean {
    return this.#resting === this.#count
  }

  /** Resolves when one is given back that nobody waits for. */
  freed(): Promise<void> {
    this.#freed ??= Promise.withResolvers()
    return this.#freed.promise
  }

  /** Who holds a sequence waits, and leaves it as it is. */
  async rest(until: Promise<void>): Promise<void> {
    this.#resting++
    await until
    this.#resting--
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
    this.#reading.delete(sequence)
    const next = this.#waiting.shift()
    if (next !== undefined) return next(sequence)
    this.#free.push(sequence)
    this.#freed?.resolve()
    this.#freed = undefined
  }

  /**
   * Evaluates all of a prompt but its last piece, which it returns: in pieces, since an evaluation
   * under way cannot be stopped and a client may leave during a long prompt. `onPiece` hears of each.
   */
  async read(
    sequence: LlamaContextSequence,
    prompt: readonly Token[],
    isAborted: () => boolean,
    onPiece: () => void,
  ): Promise<Token[]> {
    this.#reading.add(sequence)
    let at = 0
    for (let step = this.#step; prompt.length - at > step && !isAborted(); step = this.#step) {
      await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(at, at + step))
      at += step
      onPiece()
    }
    return prompt.slice(at)
  }

  /** Its last piece is read too. */
  hasRead(sequence: LlamaContextSequence): void {
    this.#reading.delete(sequence)
  }

  /** As much as has room in one batch beside the others that read: else the first would take as long as all of them. */
  get #step(): number {
    return Math.max(MIN_TOKENS_PER_STEP, Math.floor(BATCH_TOKENS / this.#reading.size))
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
