import type { Llama, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp'
import { faultOf } from '../engine.ts'
import { contextExceeded } from '../model-file.ts'
import type { GenerateRequest, Prompt } from '../token-source.ts'
import { evaluateOptions } from './evaluate-options.ts'
import type { FromChild, Piece } from './messages.ts'
import { packPosition } from './packed-position.ts'
import { keepPrefix, type SequencePool } from './sequence-pool.ts'
import { tokenSteps } from './token-steps.ts'
import { TokenText } from './token-text.ts'

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
  readonly sequences: SequencePool
  /** Tokens of context per sequence. */
  readonly contextLength: number
}

/** Where a runner's messages go. Pieces may be gathered; everything else goes behind them. */
export interface RunnerOutlet {
  piece(piece: Piece): void
  send(message: FromChild): void
}

/** Generates on a loaded model's sequences, one run each. */
export class Runner {
  readonly #loaded: Loaded
  readonly #outlet: RunnerOutlet
  readonly #runs = new Map<number, Run>()

  constructor(loaded: Loaded, outlet: RunnerOutlet) {
    this.#loaded = loaded
    this.#outlet = outlet
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
      sequence = await this.#loaded.sequences.take(prompt)
      if (!run.isAborted) await this.#answer(run, request, prompt, sequence)
    } catch (error) {
      this.#outlet.send({ type: 'fail', run: id, error: faultOf(error) })
    } finally {
      this.#runs.delete(id)
      if (sequence !== undefined) this.#loaded.sequences.giveBack(sequence)
    }
  }

  /** Reads a prompt, and says what somebody else generated. Ids must be in the vocabulary. */
  render(run: number, prompt: Prompt, output: readonly number[]): void {
    const { model } = this.#loaded
    try {
      const ids = this.#tokenize(prompt)
      const text = new TokenText(model, ids)
      const end = output.findIndex((id) => model.isEogToken(id as Token))
      const shown = output.slice(0, end < 0 ? output.length : end)
      const said = shown.map((id) => text.push(id as Token)).join('')
      this.#outlet.send({ type: 'rendered', run, prompt: ids, text: said })
    } catch (error) {
      this.#outlet.send({ type: 'fail', run, error: faultOf(error) })
    }
  }

  async #answer(
    run: Run,
    request: GenerateRequest,
    prompt: Token[],
    sequence: LlamaContextSequence,
  ): Promise<void> {
    const { contextLength, model, sequences } = this.#loaded
    if (prompt.length >= contextLength) throw contextExceeded(prompt.length, contextLength)
    const cachedTokens = await keepPrefix(sequence, prompt)
    this.#outlet.send({ type: 'prompt', run: run.id, ids: prompt, cachedTokens })
    const maxTokens = Math.min(request.maxTokens, contextLength - prompt.length)
    const generated: Token[] = []
    const options = await evaluateOptions(request, generated, this.#loaded)
    const text = new TokenText(model, prompt)
    const unread = prompt.slice(cachedTokens)
    const goesOn = (): void => this.#outlet.send({ type: 'reading' })
    const last = await sequences.read(sequence, unread, () => run.isAborted, goesOn)
    if (run.isAborted) return
    for await (const { token, position } of tokenSteps(sequence, last, request, options)) {
      sequences.hasRead(sequence)
      if (run.isAborted) return
      const packed = position === undefined ? [] : packPosition(position)
      if (model.isEogToken(token)) return this.#end(run, 'stop', packed)
      generated.push(token)
      this.#outlet.piece([run.id, text.push(token), packed])
      if (generated.length >= maxTokens) return this.#end(run, 'length')
      if (run.unpaused !== undefined) await sequences.rest(run.unpaused)
    }
    if (!run.isAborted) this.#end(run, 'stop')
  }

  #end(run: Run, reason: 'stop' | 'length', ending?: number[]): void {
    const last = ending === undefined ? {} : { ending }
    this.#outlet.send({ type: 'end', run: run.id, reason, ...last })
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
}
