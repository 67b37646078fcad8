import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import { MAX_MODELS_PER_PROVIDER } from '@infernet/schemas/limits'
import { modelOfferSchema } from '@infernet/schemas/wire'
import {
  JobFault,
  providerFault,
  unservedEndpoint,
  type Engine,
  type EngineEvents,
  type EngineLoad,
  type EngineModel,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
} from '../engine.ts'
import { seeCapabilities, UNSEEN, type SeenCapabilities } from './capability-probe.ts'
import { EngineCall } from './engine-call.ts'
import { connectEngine, type EngineConnection } from './engine-connection.ts'
import type { EvidencePlan } from './evidence/evidence-plan.ts'
import { findPlan } from './evidence/find-plan.ts'
import type { OfferOverrides } from '../offer-overrides.ts'
import { quantizationOf } from '../model-file.ts'
import { ModelFileReader } from './evidence/model-folder.ts'
import { HttpRenderer } from './http-renderer.ts'
import { LlamaServerScorer } from './llama-server-scorer.ts'
import { LoadWatch } from './load-watch.ts'
import type { ModelAlias } from './model-alias.ts'
import { OwnQuestions } from './own-questions.ts'
import type { Renderer } from '../render-order.ts'
import { checkScoreOrder, ScoreError, type Scorer } from '../score-order.ts'
import type { SpecWords } from '../spec-words.ts'
import { probe, ProbeError, type ListedModel, type ProbeResult } from './probe.ts'
import { VllmScorer } from './vllm-scorer.ts'

/** Between looks at an engine that answers, and at one that does not. */
const PROBE_UP_MS = 10_000
const PROBE_DOWN_MS = 1_000
/** What is offered for a model whose server does not tell its context length. */
const UNKNOWN_CONTEXT_TOKENS = 4_096

export interface OpenAiHttpOptions {
  readonly url: string
  readonly key?: string | undefined
  /** What to offer; empty offers all that the engine has. */
  readonly models: readonly ModelAlias[]
  /** Tokens; overrides what the engine says. */
  readonly context?: number | undefined
  /** What the owner says of all models; it goes before what was found out. */
  readonly overrides?: OfferOverrides
  /** What the owner says of the weights, where the server does not. */
  readonly spec?: SpecWords
  /** At least 0 and below 1; for a verifier, which places of a long answer it looks at. */
  readonly random?: () => number
  /** For tests. */
  readonly probeMs?: { readonly up: number; readonly down: number }
}

interface OfferedModel extends EngineModel {
  readonly alias: ModelAlias
  readonly echoes: boolean
  readonly plan?: EvidencePlan
  readonly vocabSize?: number
}

/** What was found out about a model when it was first seen. */
interface SeenModel extends SeenCapabilities {
  readonly plan?: EvidencePlan
}

/** Any OpenAI-compatible server, reached over HTTP: vLLM, llama-server, SGLang, Ollama … */
export class OpenAiHttpEngine implements Engine {
  readonly kind = 'openai-http'
  readonly #options: OpenAiHttpOptions
  readonly #connection: EngineConnection
  readonly #calls = new Set<EngineCall>()
  readonly #loadWatch: LoadWatch
  readonly #scorers: Partial<Record<EngineKind, VllmScorer | LlamaServerScorer>>
  readonly #files = new ModelFileReader()
  readonly #closing = new AbortController()
  #events: EngineEvents | undefined
  #models: readonly OfferedModel[] = []
  #serverKind: EngineKind = 'openai'
  /** It is one of those that can say how full they are. */
  #tellsLoad = false
  /** By the engine's own name; forgotten when the model or the engine goes. */
  #seen = new Map<string, SeenModel>()
  /** Told once. */
  readonly #advice = new Set<string>()
  #trouble = ''
  #timer: NodeJS.Timeout | undefined

  /** Throws `EngineStartError` for a bad URL. */
  constructor(options: OpenAiHttpOptions) {
    this.#options = options
    this.#connection = connectEngine(options.url, options.key)
    this.#loadWatch = new LoadWatch({
      connection: this.#connection,
      ours: () => this.#calls.size,
      onRestart: () => this.#events?.cacheLost?.(),
    })
    this.#scorers = {
      vllm: new VllmScorer(this.#connection),
      'llama-server': new LlamaServerScorer(this.#connection, options.random ?? Math.random),
    }
  }

  get models(): readonly EngineModel[] {
    return this.#models
  }

  get slots(): number | undefined {
    return this.#loadWatch.slots
  }

  get load(): EngineLoad | undefined {
    return this.#loadWatch.load
  }

  async start(events: EngineEvents): Promise<void> {
    this.#events = events
    await this.#look()
  }

  /** Looks at the server at once: somebody knows that it came or went. Not after `close`. */
  async lookNow(): Promise<void> {
    if (this.#events !== undefined) await this.#look()
  }

  begin(request: EngineRequest, sink: EngineSink): EngineRun {
    const model = this.#models.find(({ id }) => id === request.model)
    if (model === undefined) {
      throw new JobFault(providerFault('engine_down', `no model '${request.model}' now`))
    }
    if (!model.endpoints.includes(request.endpoint)) throw unservedEndpoint(model)
    const call = new EngineCall({
      connection: this.#connection,
      alias: model.alias,
      serverKind: this.#serverKind,
      echoes: model.echoes,
      plan: model.plan,
      request,
      sink,
      onOver: () => this.#calls.delete(call),
      onUnreachable: () => void this.#look(),
    })
    this.#calls.add(call)
    return call
  }

  /** vLLM and llama-server can; no other server tells how likely given tokens are. */
  get score(): Scorer | undefined {
    return this.#scorers[this.#serverKind] === undefined ? undefined : this.#score
  }

  readonly #score: Scorer = async (order, signal) => {
    const model = this.#models.find(({ id }) => id === order.model)
    const scorer = this.#scorers[this.#serverKind]
    if (model === undefined || scorer === undefined) throw ScoreError.unknownModel(order)
    const { id, contextLength, vocabSize } = model
    // vLLM generates a token behind, which has to have room; llama-server is not sent the last one.
    const room = this.#serverKind === 'vllm' ? contextLength - 1 : contextLength
    checkScoreOrder(order, { id, contextLength: room }, vocabSize)
    const until = AbortSignal.any([signal, this.#closing.signal])
    return scorer.score({ ...order, model: model.alias.engineName }, until)
  }

  /** Where a server was seen to render as it answers. */
  get render(): Renderer | undefined {
    const isSeen = this.#models.some(({ plan }) => (plan?.rendering?.prompts.length ?? 0) > 0)
    return isSeen ? this.#render : undefined
  }

  readonly #render: Renderer = async (order, signal) => {
    const model = this.#models.find(({ id }) => id === order.model)
    const { plan, alias, vocabSize } = model ?? {}
    if (alias === undefined) throw ScoreError.unknownModel(order)
    if (plan?.rendering?.prompts.includes(order.endpoint) !== true) {
      const message = `'${order.model}' is not known to be rendered here as it answers`
      throw new ScoreError('bad_request', message)
    }
    const renderer = new HttpRenderer(this.#connection, { alias, kind: plan.kind, vocabSize })
    const isText = plan.rendering.texts.includes(order.endpoint)
    return renderer.render(order, isText, AbortSignal.any([signal, this.#closing.signal]))
  }

  async close(): Promise<void> {
    this.#events = undefined
    this.#closing.abort()
    this.#loadWatch.close()
    clearTimeout(this.#timer)
    for (const call of this.#calls) call.abort()
  }

  /** Looks at the engine, now and from time to time. */
  async #look(): Promise<void> {
    clearTimeout(this.#timer)
    try {
      const listed = await probe(this.#connection)
      await this.#see(listed)
      this.#offer(listed)
    } catch (error) {
      if (!(error instanceof ProbeError)) throw error
      this.#complain(`${error.message}; looking again every second`)
      this.#seen.clear()
      this.#setModels([])
    }
    if (this.#events === undefined) return
    clearTimeout(this.#timer)
    const { up, down } = this.#options.probeMs ?? { up: PROBE_UP_MS, down: PROBE_DOWN_MS }
    this.#timer = setTimeout(() => void this.#look(), this.#models.length > 0 ? up : down)
  }

  /** Tries what has not been tried yet of the models that are offered. */
  async #see({ models, kind, isKnown }: ProbeResult): Promise<void> {
    const wanted = new Set(this.#aliases(models).map(({ engineName }) => engineName))
    const names = new Set(models.map(({ name }) => name).filter((name) => wanted.has(name)))
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name)
    if (!isKnown) return
    for (const model of models) {
      const { name } = model
      if (!names.has(name) || this.#seen.has(name)) continue
      const seen = await seeCapabilities(this.#connection, name, kind)
      if (seen !== undefined)
        this.#seen.set(name, { ...seen, ...(await this.#plan(model, seen, kind)) })
    }
  }

  /** Finds out how a model's answers can be shown, and tells the owner what is missing for it. */
  async #plan(
    model: ListedModel,
    { endpoints }: SeenCapabilities,
    kind: EngineKind,
  ): Promise<Pick<SeenModel, 'plan'>> {
    if (model.isAdapter || (kind !== 'vllm' && kind !== 'llama-server')) return {}
    const questions = new OwnQuestions(this.#connection, kind, this.#closing.signal)
    if (endpoints.every((endpoint) => endpoint === 'embeddings')) return {}
    const facts = await questions.facts()
    const { plan, advice } = await findPlan({
      id: model.name,
      kind,
      words: this.#options.spec ?? {},
      facts,
      modelPath: this.#connection.isLocal ? (facts?.modelPath ?? model.root) : undefined,
      quantization: this.#options.overrides?.quantization ?? model.quantization,
      endpoints,
      files: this.#files,
      renderer: new HttpRenderer(this.#connection, {
        alias: { id: model.name, engineName: model.name },
        kind,
      }),
      signal: this.#closing.signal,
      ask: (by, request) => questions.ask(by, { ...request, model: model.name }),
    })
    if (advice !== undefined && !this.#advice.has(advice)) {
      this.#advice.add(advice)
      this.#events?.trouble(advice)
    }
    return plan === undefined ? {} : { plan }
  }

  #aliases(models: readonly ListedModel[]): readonly ModelAlias[] {
    const { models: wanted } = this.#options
    if (wanted.length > 0) return wanted
    return models
      .slice(0, MAX_MODELS_PER_PROVIDER)
      .map(({ name }) => ({ id: name, engineName: name }))
  }

  #offer({ models, kind, isKnown }: ProbeResult): void {
    this.#serverKind = kind
    this.#tellsLoad = isKnown
    const aliases = this.#aliases(models)
    const offers = aliases.flatMap((alias) => this.#offerOf(alias, models) ?? [])
    if (offers.length < aliases.length) {
      const missing = aliases.filter(({ id }) => !offers.some((offer) => offer.id === id))
      this.#complain(
        `the engine cannot serve ${missing.map(({ engineName }) => engineName).join(', ')}; ` +
          `it has ${models.map(({ name }) => name).join(', ')}. ` +
          'Choose with --model NAME, or rename with --model NAME=ENGINE-NAME',
      )
    } else this.#trouble = ''
    this.#setModels(offers.slice(0, MAX_MODELS_PER_PROVIDER))
  }

  #offerOf(alias: ModelAlias, models: readonly ListedModel[]): OfferedModel | undefined {
    const listed = models.find(({ name }) => name === alias.engineName)
    const isGoodName = modelOfferSchema.shape.id.safeParse(alias.id).success
    if (listed === undefined || !isGoodName) return undefined
    const { context, overrides = {} } = this.#options
    const seen: SeenModel = this.#seen.get(alias.engineName) ?? UNSEEN
    const { endpoints, capabilities, echoes, plan } = seen
    const model = {
      id: alias.id,
      contextLength: context ?? listed.contextLength ?? UNKNOWN_CONTEXT_TOKENS,
      endpoints,
      capabilities,
      ...(listed.quantization === undefined
        ? {}
        : quantizationOf({ quantization: listed.quantization })),
      alias,
      echoes,
      ...(plan === undefined ? {} : { plan, spec: plan.spec }),
      ...(listed.vocabSize === undefined ? {} : { vocabSize: listed.vocabSize }),
      ...overrides,
    }
    return model.endpoints.length === 0 ? undefined : model
  }

  #setModels(models: readonly OfferedModel[]): void {
    const isSame = JSON.stringify(models) === JSON.stringify(this.#models)
    this.#models = models
    if (models.length > 0 && this.#tellsLoad) this.#loadWatch.start(this.#serverKind)
    else this.#loadWatch.stop()
    if (!isSame) this.#events?.modelsChanged()
  }

  /** Says the same thing once, not at every look. */
  #complain(message: string): void {
    if (message !== this.#trouble) this.#events?.trouble(message)
    this.#trouble = message
  }
}
