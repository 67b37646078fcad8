import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { readsClock } from '@infernet/models/chat-template'
import { loadTinyModel, type TinyModel } from '@infernet/models/tiny-model'
import type { RenderedAnswer } from '@infernet/schemas/audit-wire'
import type { Position } from '@infernet/schemas/transcript'
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
import { errorMessage } from '../error-message.ts'
import { DEFAULT_SLOTS } from '../limits.ts'
import { beginLocalAnswer } from './local-answer.ts'
import type { LocalModel } from './local-request.ts'
import { renderLocally } from './local-render.ts'
import { scoreLocally } from './local-score.ts'
import { localSpec, RENDERING } from './local-spec.ts'
import { restrictModel, type OfferOverrides } from './offer-overrides.ts'
import { quantizationOf, type ModelFile } from './model-file.ts'
import type { RenderOrder } from './render-order.ts'
import { ScoreError, type ScoreOrder } from './score-order.ts'
import { TinySource } from './tiny-source.ts'

interface Served {
  readonly model: LocalModel
  readonly source: TinySource
}

/** llama inference in plain TypeScript, in this process: small models on any machine. */
export class TinyEngine implements Engine {
  readonly kind = 'tiny'
  readonly #files: readonly ModelFile[]
  readonly #now: () => number
  readonly #overrides: OfferOverrides
  readonly #closing = new AbortController()
  #served: Served[] = []

  constructor(files: readonly ModelFile[], now: () => number, overrides: OfferOverrides = {}) {
    this.#files = files
    this.#overrides = overrides
    this.#now = now
  }

  get models(): readonly EngineModel[] {
    return this.#served.map(({ model }) => model)
  }

  /** It computes one token at a time: those of more answers only come later. */
  get slots(): number {
    return DEFAULT_SLOTS
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
    return beginLocalAnswer(served.source, served.model, request, sink, this.#now)
  }

  async score(order: ScoreOrder, signal: AbortSignal): Promise<readonly Position[]> {
    const { model, source } = this.#servedOf(order)
    return scoreLocally(source, model, order, this.#until(signal))
  }

  async render(order: RenderOrder, signal: AbortSignal): Promise<RenderedAnswer> {
    const { model, source } = this.#servedOf(order)
    return renderLocally(source, model, order, this.#until(signal))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const { source } of this.#served) source.close()
    this.#served = []
  }

  #servedOf(order: Pick<ScoreOrder, 'model'>): Served {
    const served = this.#served.find(({ model }) => model.id === order.model)
    if (served === undefined) throw ScoreError.unknownModel(order)
    return served
  }

  #until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal])
  }
}

/** Nothing is offered that has not answered once. */
function checkAnswer({ newSequence, summary }: TinyModel): void {
  const logits = newSequence(1).prefill([summary.bosToken ?? summary.eosToken ?? 0])
  if (logits.every(Number.isFinite)) return
  throw new Error('what it answers is no numbers, so the file may be damaged')
}

async function load({ id, path }: ModelFile): Promise<Served> {
  try {
    const file = await readFile(path)
    const tiny = loadTinyModel(file)
    checkAnswer(tiny)
    const template = tiny.summary.chatTemplate ?? ''
    const hasTools = /\btools\b/.test(template)
    return {
      source: new TinySource(tiny),
      model: {
        id,
        contextLength: tiny.config.contextLength,
        capabilities: ['seed', 'logprobs', 'continue', ...(hasTools ? (['tools'] as const) : [])],
        endpoints: ['chat.completions', 'completions'],
        ...quantizationOf(tiny.summary),
        ...localSpec({
          weights: hash('sha256', file),
          quantization: tiny.summary.quantization,
          kv: 'f32',
          engine: `tiny-1+${RENDERING}`,
          backend: 'cpu',
          template,
        }),
        replay: 'llama-cpp',
        kept_only: false,
        vocabSize: tiny.summary.vocabSize,
        renderChat: tiny.renderChat,
        readsClock: readsClock(template),
      },
    }
  } catch (cause) {
    const reason = errorMessage(cause)
    throw new EngineStartError(
      `cannot load ${path}: ${reason}. The tiny engine reads small llama models in F32, F16 or ` +
        'Q8_0; for others use --engine llama-cpp',
      { cause },
    )
  }
}
