import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { loadTinyModel } from '@infernet/models/tiny-model'
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
import { beginLocalAnswer } from './local-answer.ts'
import type { LocalModel } from './local-request.ts'
import { scoreLocally } from './local-score.ts'
import { localSpec } from './local-spec.ts'
import { restrictModel, type OfferOverrides } from './offer-overrides.ts'
import { quantizationOf, type ModelFile } from './model-file.ts'
import { ScoreError, type ScoreOrder } from './score-order.ts'
import { TinySource } from './tiny-source.ts'

/** llama inference in plain TypeScript, in this process: small models on any machine. */
export class TinyEngine implements Engine {
  readonly kind = 'tiny'
  readonly #files: readonly ModelFile[]
  readonly #now: () => number
  readonly #overrides: OfferOverrides
  readonly #closing = new AbortController()
  #served: { readonly model: LocalModel; readonly source: TinySource }[] = []

  constructor(files: readonly ModelFile[], now: () => number, overrides: OfferOverrides = {}) {
    this.#files = files
    this.#overrides = overrides
    this.#now = now
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
    return beginLocalAnswer(served.source, served.model, request, sink, this.#now)
  }

  async score(order: ScoreOrder, signal: AbortSignal): Promise<readonly Position[]> {
    const served = this.#served.find(({ model }) => model.id === order.model)
    if (served === undefined) throw ScoreError.unknownModel(order)
    const until = AbortSignal.any([signal, this.#closing.signal])
    return scoreLocally(served.source, served.model, order, until)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const { source } of this.#served) source.close()
    this.#served = []
  }
}

async function load({ id, path }: ModelFile): Promise<{ model: LocalModel; source: TinySource }> {
  try {
    const file = await readFile(path)
    const tiny = loadTinyModel(file)
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
          engine: 'tiny-1',
          backend: 'cpu',
          template,
        }),
        replay: 'llama-cpp',
        kept_only: false,
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
