import { compileChatTemplate, readsClock } from '@infernet/models/chat-template'
import { checkGgufFile } from '@infernet/models/gguf-file'
import type { GgufSummary } from '@infernet/models/gguf-check'
import type { RenderedAnswer } from '@infernet/schemas/audit-wire'
import type { Position } from '@infernet/schemas/transcript'
import {
  EngineStartError,
  JobFault,
  providerFault,
  requestFault,
  type Engine,
  type EngineEvents,
  type EngineModel,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
} from '../engine.ts'
import { beginLocalAnswer } from '../local-answer.ts'
import type { LocalModel } from '../local-request.ts'
import { renderLocally } from '../local-render.ts'
import { scoreLocally } from '../local-score.ts'
import { fileHash, localSpec, RENDERING } from '../local-spec.ts'
import { restrictModel, type OfferOverrides } from '../offer-overrides.ts'
import { quantizationOf, type ModelFile } from '../model-file.ts'
import type { RenderOrder } from '../render-order.ts'
import { ScoreError, type ScoreOrder } from '../score-order.ts'
import { LLAMA_RIM, LlamaProcess, type LlamaRim } from './llama-process.ts'
import type { LoadedModel } from './messages.ts'

/** Context per sequence unless `--context` says more: memory grows with it, times the slots. */
const DEFAULT_CONTEXT_TOKENS = 8_192
/** Below this a second thread costs more than it brings. */
const SINGLE_THREAD_PARAMETERS = 50_000_000

/** Used by files without a chat template of their own, as llama-server does. */
const CHATML_TEMPLATE =
  "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}" +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}'

export interface LlamaCppOptions {
  readonly files: readonly ModelFile[]
  readonly slots: number
  readonly context?: number
  readonly threads?: number
  /** Whether to look for a GPU. */
  readonly gpu: boolean
  readonly overrides?: OfferOverrides
}

interface Served {
  readonly id: string
  readonly process: LlamaProcess
  /** Undefined while the child is down. */
  model: LocalModel | undefined
  /** SHA-256, hex, of its file. */
  weights: string
}

/** llama.cpp embedded through node-llama-cpp: one child process per model. */
export class LlamaCppEngine implements Engine {
  readonly kind = 'llama-cpp'
  readonly #options: LlamaCppOptions
  readonly #now: () => number
  readonly #rim: LlamaRim
  readonly #served: Served[] = []
  readonly #closing = new AbortController()

  /** `now` is in ms since the epoch. */
  constructor(options: LlamaCppOptions, now: () => number, rim = LLAMA_RIM) {
    this.#options = options
    this.#now = now
    this.#rim = rim
  }

  get models(): readonly EngineModel[] {
    return this.#served.flatMap(({ model }) => model ?? [])
  }

  readonly hasSlotsPerModel = true

  /** Of each model. */
  get slots(): number {
    return this.#options.slots
  }

  get cacheTokens(): number {
    return this.models.reduce((sum, { contextLength }) => sum + contextLength * this.slots, 0)
  }

  async start(events: EngineEvents): Promise<void> {
    await Promise.all(this.#options.files.map((file) => this.#load(file, events)))
  }

  begin(request: EngineRequest, sink: EngineSink): EngineRun {
    const served = this.#served.find(({ id }) => id === request.model)
    if (served === undefined) {
      throw new JobFault(requestFault('model_not_found', `no model '${request.model}'`))
    }
    if (served.model === undefined) {
      throw new JobFault(providerFault('engine_down', 'llama.cpp is being started again'))
    }
    return beginLocalAnswer(served.process, served.model, request, sink, this.#now)
  }

  async score(order: ScoreOrder, signal: AbortSignal): Promise<readonly Position[]> {
    const { model, process } = this.#runningOf(order)
    return scoreLocally(process, model, order, this.#until(signal))
  }

  async render(order: RenderOrder, signal: AbortSignal): Promise<RenderedAnswer> {
    const { model, process } = this.#runningOf(order)
    return renderLocally(process, model, order, this.#until(signal))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#served.map(({ process }) => process.close()))
  }

  #runningOf(order: Pick<ScoreOrder, 'model'>): Served & { readonly model: LocalModel } {
    const served = this.#served.find(({ id }) => id === order.model)
    if (served === undefined) throw ScoreError.unknownModel(order)
    const { model } = served
    if (model !== undefined) return { ...served, model }
    throw new ScoreError('engine_failed', 'llama.cpp is being started again')
  }

  #until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal])
  }

  async #load(file: ModelFile, events: EngineEvents): Promise<void> {
    const summary = await check(file)
    const weights = fileHash(file.path)
    // Told by who waits for it below, or not at all where the file cannot be loaded either.
    weights.catch(() => {})
    const { slots, context, threads, gpu, overrides = {} } = this.#options
    const describeAs = (loaded: LoadedModel, hash: string): LocalModel =>
      restrictModel(describe(file.id, summary, loaded, hash), overrides)
    const isSmall = summary.parameters < SINGLE_THREAD_PARAMETERS
    const options = {
      path: file.path,
      slots,
      maxContext: context ?? DEFAULT_CONTEXT_TOKENS,
      threads: threads ?? (isSmall ? 1 : 0),
      gpu,
    }
    let loaded: LoadedModel | undefined
    const offer = (): void => {
      served.model = loaded && describeAs(loaded, served.weights)
    }
    const changes = {
      trouble: (message: string) => events.trouble(`${file.id}: ${message}`),
      changed: (model: LoadedModel | undefined) => {
        loaded = model
        // Without the hash of its file it is not offered yet.
        if (served.weights === '') return
        offer()
        events.modelsChanged()
      },
    }
    const process = new LlamaProcess(options, changes, this.#rim)
    const served: Served = { id: file.id, process, model: undefined, weights: '' }
    this.#served.push(served)
    try {
      await process.start()
      served.weights = await weights
      offer()
    } catch (cause) {
      await process.close()
      if (cause instanceof EngineStartError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new EngineStartError(`llama.cpp cannot load ${file.path}: ${reason}`, { cause })
    }
  }
}

/** llama.cpp aborts on some malformed files, so ours is the first look at every one. */
async function check({ path }: ModelFile): Promise<GgufSummary> {
  try {
    return await checkGgufFile(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new EngineStartError(`${path} is not a model llama.cpp can load: ${reason}`, { cause })
  }
}

function describe(
  id: string,
  summary: GgufSummary,
  loaded: LoadedModel,
  weights: string,
): LocalModel {
  const template = summary.chatTemplate ?? CHATML_TEMPLATE
  const hasTools = /\btools\b/.test(template)
  return {
    id,
    contextLength: loaded.contextLength,
    capabilities: ['seed', 'json_schema', 'continue', ...(hasTools ? (['tools'] as const) : [])],
    endpoints: ['chat.completions', 'completions', 'embeddings'],
    ...quantizationOf(summary),
    ...(summary.tokenBytes > 0 && { tokenBytes: summary.tokenBytes }),
    ...localSpec({
      weights,
      quantization: summary.quantization,
      kv: 'f16',
      engine: `llama.cpp-${loaded.release}+${RENDERING}`,
      backend: loaded.backend,
      template,
    }),
    replay: 'llama-cpp',
    kept_only: true,
    vocabSize: summary.vocabSize,
    readsClock: readsClock(template),
    renderChat: compileChatTemplate(template, {
      bosToken: loaded.bosToken,
      eosToken: loaded.eosToken,
    }),
  }
}
