import {
  DEFAULT_SAMPLING,
  logprobOf,
  newSamplerState,
  sample,
  type SamplingParams,
} from '@infernet/models/sampler'
import type { LlamaSequence } from '@infernet/models/tiny-llama'
import type { TinyModel } from '@infernet/models/tiny-model'
import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import { scoredPosition } from './score-order.ts'
import { PROMPT_TOKENS_PER_TURN, TOKENS_PER_TURN } from './tiny-run.ts'
import type { ScoreSink, TokenRun } from './token-source.ts'

/** A draw that takes the likeliest, and reports those that come next. */
const LIKELIEST: SamplingParams = {
  ...DEFAULT_SAMPLING,
  temperature: 0,
  topLogprobs: MAX_SCORED_CANDIDATES,
}

/** One answer being scored: read like a prompt, with a look at the logits before each of its tokens. */
export class TinyScore implements Pick<TokenRun, 'abort'> {
  readonly #prompt: readonly number[]
  readonly #output: readonly number[]
  readonly #sink: ScoreSink
  readonly #sequence: LlamaSequence
  #logits: Float32Array = new Float32Array(0)
  #read = 0
  #scored = 0
  readonly isPaused = false
  isOver = false

  constructor(
    model: TinyModel,
    prompt: readonly number[],
    output: readonly number[],
    sink: ScoreSink,
  ) {
    this.#prompt = prompt
    this.#output = output
    this.#sink = sink
    this.#sequence = model.newSequence(prompt.length + output.length)
  }

  abort(): void {
    this.isOver = true
  }

  /** Reads some of the prompt, or scores some tokens. */
  turn(): void {
    if (this.isOver) return
    if (this.#read < this.#prompt.length) this.#readPrompt()
    else this.#score()
  }

  #readPrompt(): void {
    const next = this.#prompt.slice(this.#read, this.#read + PROMPT_TOKENS_PER_TURN)
    this.#logits = this.#sequence.prefill(next)
    this.#read += next.length
  }

  #score(): void {
    const ids = this.#output.slice(this.#scored, this.#scored + TOKENS_PER_TURN)
    const positions: Position[] = []
    for (const id of ids) {
      positions.push(positionOf(this.#logits, id))
      this.#logits = this.#sequence.step(id)
    }
    this.#scored += ids.length
    this.#sink.positions(positions)
    if (this.#scored < this.#output.length) return
    this.isOver = true
    this.#sink.end()
  }
}

function positionOf(logits: Float32Array, id: number): Position {
  const { top } = sample(
    logits,
    LIKELIEST,
    newSamplerState(() => 0),
  )
  return scoredPosition({ id, logprob: logprobOf(logits, id), top })
}
