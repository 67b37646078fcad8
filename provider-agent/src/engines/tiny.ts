import { readFile } from 'node:fs/promises'
import { mulberry32 } from '@infernet/models/prng'
import { newSamplerState, sample, type SamplingParams } from '@infernet/models/sampler'
import { loadTinyModel, type TinyModel } from '@infernet/models/tiny-model'
import {
  EngineStartError,
  JobFault,
  requestFault,
  type Engine,
  type EngineModel,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
} from './engine.ts'
import { beginLocalAnswer, type LocalClock } from './local-answer.ts'
import type { LocalModel } from './local-request.ts'
import { restrictModel, type OfferOverrides } from './offer-overrides.ts'
import { contextExceeded, quantizationOf, type ModelFile } from './model-file.ts'
import type {
  GenerateRequest,
  Prompt,
  ScoredToken,
  TokenPiece,
  TokenRun,
  TokenSink,
  TokenSource,
} from './token-source.ts'

/** Prompt tokens, or generated tokens, a sequence may take before the others have their turn. */
const PROMPT_TOKENS_PER_TURN = 16
const TOKENS_PER_TURN = 4

/** llama inference in plain TypeScript, in this process: small models on any machine. */
export class TinyEngine implements Engine {
  readonly kind = 'tiny'
  readonly #files: readonly ModelFile[]
  readonly #clock: LocalClock
  readonly #overrides: OfferOverrides
  #served: { readonly model: LocalModel; readonly source: TinySource }[] = []

  constructor(files: readonly ModelFile[], clock: LocalClock, overrides: OfferOverrides = {}) {
    this.#files = files
    this.#overrides = overrides
    this.#clock = clock
  }

  get models(): readonly EngineModel[] {
    return this.#served.map(({ model }) => model)
  }

  async start(): Promise<void> {
    const served = await Promise.all(this.#files.map(load))
    this.#served = served.map(({ source, model }) => ({
      source,
      model: restrictModel(model, this.#overrides),
    }))
  }

  begin(request: EngineRequest, sink: EngineSink): EngineRun {
    const served = this.#served.find(({ model }) => model.id === request.model)
    if (served === undefined) {
      throw new JobFault(requestFault('model_not_found', `no model '${request.model}'`))
    }
    return beginLocalAnswer(served.source, served.model, request, sink, this.#clock)
  }

  async close(): Promise<void> {
    for (const { source } of this.#served) source.close()
    this.#served = []
  }
}

async function load({ id, path }: ModelFile): Promise<{ model: LocalModel; source: TinySource }> {
  try {
    const tiny = loadTinyModel(await readFile(path))
    const hasTools = /\btools\b/.test(tiny.summary.chatTemplate ?? '')
    return {
      source: new TinySource(tiny),
      model: {
        id,
        contextLength: tiny.config.contextLength,
        capabilities: ['seed', 'logprobs', 'continue', ...(hasTools ? (['tools'] as const) : [])],
        endpoints: ['chat.completions', 'completions'],
        ...quantizationOf(tiny.summary),
        vocabSize: tiny.summary.vocabSize,
        renderChat: tiny.renderChat,
      },
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new EngineStartError(
      `cannot load ${path}: ${reason}. The tiny engine reads small llama models in F32, F16 or ` +
        'Q8_0; for others use --engine llama-cpp',
      { cause },
    )
  }
}

/** Runs sequences side by side, a few tokens each in turn, and lets the event loop breathe. */
class TinySource implements TokenSource {
  readonly #model: TinyModel
  #runs: TinyRun[] = []
  #isScheduled = false

  constructor(model: TinyModel) {
    this.#model = model
  }

  generate(request: GenerateRequest, sink: TokenSink): TokenRun {
    const prompt = this.#tokenize(request.prompt)
    const { contextLength } = this.#model.config
    if (prompt.length >= contextLength) throw contextExceeded(prompt.length, contextLength)
    const run = new TinyRun(this.#model, prompt, request, sink, () => this.#schedule())
    this.#runs.push(run)
    this.#schedule()
    return run
  }

  #tokenize(prompt: Prompt): readonly number[] {
    if (typeof prompt !== 'string') return prompt
    const tokens = this.#model.tokenizer.encode(prompt)
    if (tokens.length > 0) return tokens
    // Nothing to go on from is the beginning of a text.
    const { bosToken, eosToken } = this.#model.summary
    return [bosToken ?? eosToken ?? 0]
  }

  close(): void {
    for (const run of this.#runs) run.abort()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      for (const run of this.#runs) run.turn()
      this.#runs = this.#runs.filter((run) => !run.isOver)
      if (this.#runs.some((run) => !run.isPaused)) this.#schedule()
    })
  }
}

class TinyRun implements TokenRun {
  readonly #model: TinyModel
  readonly #prompt: readonly number[]
  readonly #sink: TokenSink
  readonly #wake: () => void
  readonly #params: SamplingParams
  readonly #maxTokens: number
  readonly #withScores: boolean
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
    this.#withScores = topLogprobs !== undefined
    this.#params = {
      ...sampling,
      logitBias: new Map(sampling.logitBias),
      topLogprobs: topLogprobs ?? 0,
    }
    this.#sequence = model.newSequence(prompt.length + this.#maxTokens)
    this.#decoder = model.tokenizer.decoder()
    this.#sampler = newSamplerState(mulberry32(sampling.seed))
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
    if (this.#read === 0) this.#sink.prompt(this.#prompt.length, 0)
    const next = this.#prompt.slice(this.#read, this.#read + PROMPT_TOKENS_PER_TURN)
    this.#logits = this.#sequence.prefill(next)
    this.#read += next.length
  }

  #generate(): void {
    const pieces: TokenPiece[] = []
    let reason: 'stop' | 'length' | undefined
    while (reason === undefined && pieces.length < TOKENS_PER_TURN) {
      const token = sample(this.#logits ?? new Float32Array(0), this.#params, this.#sampler)
      if (this.#model.endTokens.has(token.id)) reason = 'stop'
      else {
        pieces.push(this.#pieceOf(token))
        if (++this.#generated >= this.#maxTokens) reason = 'length'
        else this.#logits = this.#sequence.step(token.id)
      }
    }
    if (pieces.length > 0) this.#sink.pieces(pieces)
    if (reason === undefined || this.isOver) return
    this.isOver = true
    this.#sink.end(reason)
  }

  #pieceOf({ id, logprob, top }: ReturnType<typeof sample>): TokenPiece {
    const text = this.#decoder.push(id)
    if (!this.#withScores) return { text }
    const score = {
      ...this.#scored(id, logprob),
      top: top.map((t) => this.#scored(t.id, t.logprob)),
    }
    return { text, score }
  }

  #scored(id: number, logprob: number): ScoredToken {
    return { id, logprob, bytes: this.#model.tokenizer.bytesOf(id) }
  }
}
