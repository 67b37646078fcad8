import type { Llama, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp'
import { faultOf } from '../engine.ts'
import { contextExceeded } from '../model-file.ts'
import type { GenerateRequest, Prompt } from '../token-source.ts'
import { evaluateOptions } from './evaluate-options.ts'
import type { FromChild } from './messages.ts'
import { TokenText } from './token-text.ts'

/** llama.cpp's usual batch. */
const PROMPT_TOKENS_PER_STEP = 512

/** One generation's switches, set by the parent's messages. */
class Run {
  readonly id: number
  isAborted = false
  #resumed: PromiseWithResolvers<void> | undefined

  constructor(id: number) {
    this.id = id
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers()
  }

  resume(): void {
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  abort(): void {
    this.isAborted = true
    this.resume()
  }

  /** Resolves at once, or when no longer paused. */
  get unpaused(): Promise<void> | undefined {
    return this.#resumed?.promise
  }
}

/** A loaded model. */
export interface Loaded {
  readonly llama: Llama
  readonly model: LlamaModel
  /** As many as may be evaluated side by side. */
  readonly sequences: readonly LlamaContextSequence[]
  /** Tokens of context per sequence. */
  readonly contextLength: number
}

/** Where a runner's messages go. Pieces may be gathered; everything else goes behind them. */
export interface RunnerOutlet {
  piece(run: number, text: string): void
  send(message: FromChild): void
}

/** Generates on a loaded model's sequences, one run each. */
export class Runner {
  readonly #loaded: Loaded
  readonly #outlet: RunnerOutlet
  readonly #free: LlamaContextSequence[]
  readonly #waiting: ((sequence: LlamaContextSequence) => void)[] = []
  readonly #runs = new Map<number, Run>()

  constructor(loaded: Loaded, outlet: RunnerOutlet) {
    this.#loaded = loaded
    this.#outlet = outlet
    this.#free = [...loaded.sequences]
  }

  run(id: number): Run | undefined {
    return this.#runs.get(id)
  }

  async generate(id: number, request: GenerateRequest): Promise<void> {
    const run = new Run(id)
    this.#runs.set(id, run)
    let sequence: LlamaContextSequence | undefined
    try {
      const prompt = this.#tokenize(request.prompt)
      sequence = await this.#sequenceFor(prompt)
      if (!run.isAborted) await this.#answer(run, request, prompt, sequence)
    } catch (error) {
      this.#outlet.send({ type: 'fail', run: id, error: faultOf(error) })
    } finally {
      this.#runs.delete(id)
      if (sequence !== undefined) this.#release(sequence)
    }
  }

  async #answer(
    run: Run,
    request: GenerateRequest,
    prompt: Token[],
    sequence: LlamaContextSequence,
  ): Promise<void> {
    const { contextLength, model } = this.#loaded
    if (prompt.length >= contextLength) throw contextExceeded(prompt.length, contextLength)
    const cachedTokens = await keepPrefix(sequence, prompt)
    this.#outlet.send({ type: 'prompt', run: run.id, tokens: prompt.length, cachedTokens })
    const maxTokens = Math.min(request.maxTokens, contextLength - prompt.length)
    const generated: Token[] = []
    const options = await evaluateOptions(request, generated, this.#loaded)
    const text = new TokenText(model, prompt)
    const last = await readPrompt(sequence, prompt.slice(cachedTokens), run)
    if (run.isAborted) return
    const tokens = sequence.evaluate(last, options)
    for await (const token of tokens) {
      if (run.isAborted) return
      generated.push(token)
      this.#outlet.piece(run.id, text.push(token))
      if (generated.length >= maxTokens) return this.#end(run, 'length')
      if (run.unpaused !== undefined) await run.unpaused
    }
    if (!run.isAborted) this.#end(run, 'stop')
  }

  #end(run: Run, reason: 'stop' | 'length'): void {
    this.#outlet.send({ type: 'end', run: run.id, reason })
  }

  #tokenize(prompt: Prompt): Token[] {
    const { model } = this.#loaded
    // The library brands its numbers.
    if (typeof prompt !== 'string') return prompt.map((id) => id as Token)
    const tokens = model.tokenize(prompt, true)
    const { bos, eos, shouldPrependBosToken } = model.tokens
    if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) return [bos, ...tokens]
    const start = bos ?? eos
    // Nothing to go on from is the beginning of a text.
    return tokens.length === 0 && start !== null ? [start] : tokens
  }

  /** The free sequence that already holds most of this prompt. */
  async #sequenceFor(prompt: Token[]): Promise<LlamaContextSequence> {
    if (this.#free.length === 0) return new Promise((resolve) => this.#waiting.push(resolve))
    const held = this.#free.map((sequence) => sequence.compareContextTokens(prompt))
    const lengths = held.map(({ firstDifferentIndex }) => firstDifferentIndex)
    const [best] = this.#free.splice(lengths.indexOf(Math.max(...lengths)), 1)
    return best as LlamaContextSequence
  }

  #release(sequence: LlamaContextSequence): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(sequence)
    else next(sequence)
  }
}

/** Cuts a sequence back to what it has in common with `prompt`; returns how many tokens that is. */
async function keepPrefix(sequence: LlamaContextSequence, prompt: Token[]): Promise<number> {
  const { firstDifferentIndex } = sequence.compareContextTokens(prompt)
  // The last prompt token is always evaluated: its logits are the answer's first.
  const start = Math.min(firstDifferentIndex, prompt.length - 1)
  const end = sequence.nextTokenIndex
  if (end > start) await sequence.eraseContextTokenRanges([{ start, end }])
  return Math.min(start, sequence.nextTokenIndex)
}

/**
 * Evaluates all of a prompt but its last piece, which it returns: in pieces, since an evaluation
 * under way cannot be stopped and a client may leave during a long prompt.
 */
async function readPrompt(
  sequence: LlamaContextSequence,
  prompt: readonly Token[],
  run: Run,
): Promise<Token[]> {
  let at = 0
  for (
    ;
    prompt.length - at > PROMPT_TOKENS_PER_STEP && !run.isAborted;
    at += PROMPT_TOKENS_PER_STEP
  ) {
    const piece = prompt.slice(at, at + PROMPT_TOKENS_PER_STEP)
    await sequence.evaluateWithoutGeneratingNewTokens(piece)
  }
  return prompt.slice(at)
}
