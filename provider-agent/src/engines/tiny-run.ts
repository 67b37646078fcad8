import {
  newSamplerState,
  sample,
  type SampledToken,
  type SamplingParams,
} from '@infernet/models/sampler'
import type { TinyModel } from '@infernet/models/tiny-model'
import { MAX_CANDIDATES } from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import { Mt19937 } from '@infernet/verification/random/mt19937'
import type {
  GenerateRequest,
  ScoredToken,
  TokenPiece,
  TokenRun,
  TokenSink,
} from './token-source.ts'

/** Prompt tokens, or generated tokens, a sequence may take before the others have their turn. */
export const PROMPT_TOKENS_PER_TURN = 16
export const TOKENS_PER_TURN = 4

/** One generation. */
export class TinyRun implements TokenRun {
  readonly #model: TinyModel
  readonly #prompt: readonly number[]
  readonly #sink: TokenSink
  readonly #wake: () => void
  readonly #params: SamplingParams
  readonly #maxTokens: number
  /** Candidates to report to the client; undefined for no scores at all. */
  readonly #shown: number | undefined
  readonly #isTraced: boolean
  readonly #sequence
  readonly #decoder
  readonly #sampler
  #logits: Float32Array | undefined
  #read = 0
  #generated = 0
  isPaused = false
  isOver = false

  constructor(
    model: TinyModel,
    prompt: readonly number[],
    request: GenerateRequest,
    sink: TokenSink,
    wake: () => void,
  ) {
    const { sampling, topLogprobs, maxTokens } = request
    this.#model = model
    this.#prompt = prompt
    this.#sink = sink
    this.#wake = wake
    this.#maxTokens = Math.min(maxTokens, model.config.contextLength - prompt.length)
    this.#shown = topLogprobs
    this.#isTraced = request.isTraced
    this.#params = {
      ...sampling,
      logitBias: new Map(sampling.logitBias),
      topLogprobs: Math.max(topLogprobs ?? 0, request.isTraced ? MAX_CANDIDATES : 0),
    }
    this.#sequence = model.newSequence(prompt.length + this.#maxTokens)
    this.#decoder = model.tokenizer.decoder()
    const random = new Mt19937(sampling.seed)
    this.#sampler = newSamplerState(() => random.uniform())
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.#wake()
  }

  abort(): void {
    this.isOver = true
  }

  /** Reads some of the prompt, or generates some tokens. */
  turn(): void {
    if (this.isOver || this.isPaused) return
    if (this.#read < this.#prompt.length) this.#readPrompt()
    else this.#generate()
  }

  #readPrompt(): void {
    if (this.#read === 0) this.#sink.prompt(this.#prompt, 0)
    const next = this.#prompt.slice(this.#read, this.#read + PROMPT_TOKENS_PER_TURN)
    this.#logits = this.#sequence.prefill(next)
    this.#read += next.length
  }

  #generate(): void {
    const pieces: TokenPiece[] = []
    let reason: 'stop' | 'length' | undefined
    let ending: Position | undefined
    while (reason === undefined && pieces.length < TOKENS_PER_TURN) {
      const token = sample(this.#logits ?? new Float32Array(0), this.#params, this.#sampler)
      if (this.#model.endTokens.has(token.id)) {
        reason = 'stop'
        ending = this.#isTraced ? positionOf(token) : undefined
      } else {
        pieces.push(this.#pieceOf(token))
        if (++this.#generated >= this.#maxTokens) reason = 'length'
        else this.#logits = this.#sequence.step(token.id)
      }
    }
    if (pieces.length > 0) this.#sink.pieces(pieces)
    if (reason === undefined || this.isOver) return
    this.isOver = true
    this.#sink.end(reason, ending)
  }

  #pieceOf(token: SampledToken): TokenPiece {
    const text = this.#decoder.push(token.id)
    const traced = this.#isTraced ? { position: positionOf(token) } : {}
    if (this.#shown === undefined) return { text, ...traced }
    const top = token.top.slice(0, this.#shown).map((t) => this.#scored(t.id, t.logprob))
    return { text, ...traced, score: { ...this.#scored(token.id, token.logprob), top } }
  }

  #scored(id: number, logprob: number): ScoredToken {
    return { id, logprob, bytes: this.#model.tokenizer.bytesOf(id) }
  }
}

const positionOf = ({ id, logprob, top }: SampledToken): Position => ({
  id,
  logprob,
  top: top.slice(0, MAX_CANDIDATES),
})
