import { compileChatTemplate, readsClock } from '@infernet/models/chat-template'
import type { GgufSummary } from '@infernet/models/gguf-check'
import type { RenderedAnswer } from '@infernet/schemas/audit-wire'
import type { Position } from '@infernet/schemas/transcript'
import { errorMessage } from '../../error-message.ts'
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
import { localSpec, RENDERING } from '../local-spec.ts'
import { restrictModel, type OfferOverrides } from '../offer-overrides.ts'
import { quantizationOf, type ModelFile } from '../model-file.ts'
import type { RenderOrder } from '../render-order.ts'
import { RestGate } from '../rest-gate.ts'
import { ScoreError, type ScoreOrder } from '../score-order.ts'
import { freshFileFacts, readFileFacts } from './file-facts.ts'
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
}

/** llama.cpp embedded through node-llama-cpp: one child process per model. */
export class LlamaCppEngine implements Engine {
  readonly kind = 'llama-cpp'
  readonly #options: LlamaCppOptions
  readonly #now: () => number
  readonly #rim: LlamaRim
  readonly #served: Served[] = []
  readonly #closing = new AbortController()
  readonly #gate = new RestGate()
  #events: EngineEvents | undefined

  /** `now` is in ms since the epoch. */
  constructor(options: LlamaCppOptions, now: () => number, rim = LLAMA_RIM) {
    this.#options = options
    this.#now = now
    this.#rim = rim
  }

  get models(): readonly EngineModel[] {
    return this.#gate.isShut ? [] : this.#served.flatMap(({ model }) => model ?? [])
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
    this.#events = events
    await Promise.all(this.#options.files.map((file) => this.#load(file, events)))
  }

  begin(request: EngineRequest, sink: EngineSink): EngineRun {
    const served = this.#served.find(({ id }) => id === request.model)
    if (served === undefined) {
      throw new JobFault(requestFault('model_not_found', `no model '${request.model}'`))
    }
    const { process, model } = served
    if (model === undefined || this.#gate.isShut) {
      throw new JobFault(providerFault('engine_down', this.#whyAway))
    }
    return this.#gate.begin(request, sink, (it, inner) =>
      beginLocalAnswer(process, model, it, inner, this.#now),
    )
  }

  async score(order: ScoreOrder, signal: AbortSignal): Promise<readonly Position[]> {
    const { model, process } = this.#runningOf(order)
    return this.#gate.count(() => scoreLocally(process, model, order, this.#until(signal)))
  }

  async render(order: RenderOrder, signal: AbortSignal): Promise<RenderedAnswer> {
    const { model, process } = this.#runningOf(order)
    return this.#gate.count(() => renderLocally(process, model, order, this.#until(signal)))
  }

  async rest(): Promise<void> {
    const wasOffered = this.models.length > 0
    const idle = this.#gate.shut()
    if (wasOffered) this.#events?.modelsChanged()
    await idle
    if (!this.#gate.isQuiet) return
    await Promise.all(this.#served.map(({ process }) => process.rest()))
  }

  wake(): void {
    if (this.#closing.signal.aborted) return
    this.#gate.open()
    // Those that had not ended yet are there at once.
    if (this.models.length > 0) this.#events?.modelsChanged()
    for (const { process } of this.#served) process.wake()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#gate.close()
    await Promise.all(this.#served.map(({ process }) => process.close()))
  }

  #runningOf(order: Pick<ScoreOrder, 'model'>): Served & { readonly model: LocalModel } {
    const served = this.#served.find(({ id }) => id === order.model)
    if (served === undefined) throw ScoreError.unknownModel(order)
    const { model } = served
    if (model !== undefined && !this.#gate.isShut) return { ...served, model }
    throw new ScoreError('engine_failed', this.#whyAway)
  }

  get #whyAway(): string {
    return this.#gate.isShut
      ? 'llama.cpp rests'
      : 'llama.cpp does not answer, or is being started again'
  }

  #until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal])
  }

  async #load(file: ModelFile, events: EngineEvents): Promise<void> {
    let facts = await readFileFacts(file.path)
    const { slots, context, threads, gpu, overrides = {} } = this.#options
    const isSmall = facts.summary.parameters < SINGLE_THREAD_PARAMETERS
    const options = {
      path: file.path,
      slots,
      maxContext: context ?? DEFAULT_CONTEXT_TOKENS,
      threads: threads ?? (isSmall ? 1 : 0),
      gpu,
    }
    let loaded: LoadedModel | undefined
    let isStarted = false
    const trouble = (message: string): void => events.trouble(`${file.id}: ${message}`)
    const offer = async (model: LoadedModel): Promise<void> => {
      facts = await freshFileFacts(file.path, facts)
      const weights = await facts.weights
      if (loaded !== model) return
      served.model = restrictModel(describe(file.id, facts.summary, model, weights), overrides)
    }
    const tell = (): void => {
      if (!this.#gate.isShut) events.modelsChanged()
    }
    const changed = (model: LoadedModel | undefined): void => {
      loaded = model
      if (!isStarted) return
      served.model = undefined
      if (model === undefined) return tell()
      offer(model).then(tell, (error: unknown) => {
        trouble(`${errorMessage(error)}; it is not offered: start the agent anew`)
      })
    }
    const process = new LlamaProcess(options, { trouble, changed }, this.#rim)
    const served: Served = { id: file.id, process, model: undefined }
    this.#served.push(served)
    try {
      await process.start()
      await facts.weights
      isStarted = true
      if (loaded !== undefined) await offer(loaded)
    } catch (cause) {
      await process.close()
      if (cause instanceof EngineStartError) throw cause
      throw new EngineStartError(`llama.cpp cannot load ${file.path}: ${errorMessage(cause)}`, {
        cause,
      })
    }
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
