import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_MODELS_PER_PROVIDER } from '@infernet/schemas/limits'
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
import { stillAnswers } from './capability-probe.ts'
import { EngineCall } from './engine-call.ts'
import { connectEngine, type EngineConnection } from './engine-connection.ts'
import { SERVER_TRAITS, type ServerKind, type ServerTraits } from './engine-kinds.ts'
import {
  offerOf,
  wantedModels,
  whyMissing,
  type OfferedModel,
  type OfferWords,
} from './http-offer.ts'
import { HttpRenderer } from './http-renderer.ts'
import { LlamaServerScorer } from './llama-server-scorer.ts'
import { LoadWatch } from './load-watch.ts'
import type { Renderer } from '../render-order.ts'
import { checkScoreOrder, ScoreError, type Scorer } from '../score-order.ts'
import type { SpecWords } from '../spec-words.ts'
import { probe, ProbeError, type ProbeResult } from './probe.ts'
import { SeenModels } from './seen-models.ts'
import { SilentCalls } from './silent-calls.ts'
import { STUCK_BOUNDS, type StuckBounds } from './stuck-rule.ts'
import { VllmScorer } from './vllm-scorer.ts'

/** Between looks at an engine that answers, and at one that does not. */
const PROBE_UP_MS = 10_000
const PROBE_DOWN_MS = 1_000

export interface OpenAiHttpOptions extends OfferWords {
  readonly url: string
  readonly key?: string | undefined
  /** What the owner says of the weights, where the server does not. */
  readonly spec?: SpecWords
  /** At least 0 and below 1; for a verifier, which places of a long answer it looks at. */
  readonly random?: () => number
  /** The agent starts its server again where that hangs. */
  readonly restartsItself?: boolean
  /** For tests. `load` is between two looks at how full it is. */
  readonly probeMs?: {
    readonly up: number
    readonly down: number
    readonly load?: number
  }
  /** For tests. */
  readonly stuck?: Partial<StuckBounds>
}

/** Any OpenAI-compatible server, reached over HTTP: vLLM, llama-server, SGLang, Ollama … */
export class OpenAiHttpEngine implements Engine {
  readonly kind = 'openai-http'
  readonly #options: OpenAiHttpOptions
  readonly #connection: EngineConnection
  readonly #calls = new Set<EngineCall>()
  readonly #loadWatch: LoadWatch
  readonly #scorers: Partial<Record<ServerKind, VllmScorer | LlamaServerScorer>>
  readonly #seen: SeenModels
  readonly #silentCalls: SilentCalls
  readonly #closing = new AbortController()
  #events: EngineEvents | undefined
  #models: readonly OfferedModel[] = []
  /** What it listed last. */
  #listed: ProbeResult | undefined
  /** The look that goes on, which a later one breaks off. */
  #looking: AbortController | undefined
  #looked: Promise<void> = Promise.resolve()
  /** Looks in a row in which a question was left unanswered. */
  #unanswered = 0
  #trouble = ''
  #timer: NodeJS.Timeout | undefined

  /** Throws `EngineStartError` for a bad URL. */
  constructor(options: OpenAiHttpOptions) {
    this.#options = options
    this.#connection = connectEngine(options.url, options.key)
    this.#loadWatch = new LoadWatch({
      connection: this.#connection,
      ours: () => this.#calls.size,
      onRestart: () => this.#restarted(),
      ...(options.probeMs?.load === undefined ? {} : { lookMs: options.probeMs.load }),
    })
    this.#seen = new SeenModels({
      connection: this.#connection,
      overrides: options.overrides,
      spec: options.spec,
      advise: (message) => this.#events?.trouble(message),
    })
    this.#silentCalls = new SilentCalls({
      bounds: { ...STUCK_BOUNDS, ...options.stuck },
      now: () => performance.now(),
      sleep: (ms) => sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {}),
      signal: this.#closing.signal,
      stillAnswers: (id, answerMs) => this.#stillAnswers(id, answerMs),
      onStuck: (id) => this.#stuck(id),
    })
    this.#scorers = {
      vllm: new VllmScorer(this.#connection),
      'llama-server': new LlamaServerScorer(this.#connection, options.random ?? Math.random),
    }
  }

  get #kind(): ServerKind {
    return this.#listed?.kind ?? 'unknown'
  }

  get #traits(): ServerTraits {
    return SERVER_TRAITS[this.#kind]
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
    return this.#silentCalls.watch(request, sink, (watched) => {
      const call = new EngineCall({
        connection: this.#connection,
        alias: model.alias,
        serverKind: this.#traits.speaks,
        withholds: this.#traits.withholds,
        echoes: model.echoes,
        plan: model.plan,
        request,
        sink: watched,
        onOver: () => this.#calls.delete(call),
        onUnreachable: () => void this.#look(),
      })
      this.#calls.add(call)
      return call
    })
  }

  async #stillAnswers(id: string, answerMs: number): Promise<boolean> {
    const model = this.#models.find((one) => one.id === id)
    // It has been withdrawn already.
    if (model === undefined) return true
    const asked = { model: model.alias.engineName, kind: this.#kind, endpoints: model.endpoints }
    return stillAnswers(this.#connection, asked, answerMs, this.#closing.signal)
  }

  /** Withdraws a model until it answers. */
  #stuck(id: string): void {
    const model = this.#models.find((one) => one.id === id)
    if (model === undefined || this.#closing.signal.aborted) return
    const { engineName } = model.alias
    const next = this.#options.restartsItself
      ? 'the agent starts its server again'
      : 'start its server again'
    this.#complain(
      `${engineName} leaves requests unanswered, a question of one token too, and is not offered before ` +
        `it answers; if it stays like that, ${next}`,
    )
    this.#seen.forget(engineName)
    void this.#look()
  }

  /** vLLM and llama-server can; no other server tells how likely given tokens are. */
  get score(): Scorer | undefined {
    return this.#scorers[this.#kind] === undefined ? undefined : this.#score
  }

  readonly #score: Scorer = async (order, signal) => {
    const model = this.#models.find(({ id }) => id === order.model)
    const scorer = this.#scorers[this.#kind]
    if (model === undefined || scorer === undefined) throw ScoreError.unknownModel(order)
    const { id, contextLength, vocabSize } = model
    // vLLM generates a token behind, which has to have room; llama-server is not sent the last one.
    const room = this.#kind === 'vllm' ? contextLength - 1 : contextLength
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
    this.#connection.close()
  }

  /** Looks at the engine, now and from time to time. Resolves when the latest look is over. */
  async #look(): Promise<void> {
    clearTimeout(this.#timer)
    this.#looking?.abort()
    const looking = new AbortController()
    this.#looking = looking
    this.#looked = this.#lookUntil(AbortSignal.any([looking.signal, this.#closing.signal]))
    let latest: Promise<void> | undefined
    while (latest !== this.#looked) {
      latest = this.#looked
      await latest
    }
  }

  async #lookUntil(signal: AbortSignal): Promise<void> {
    const isThere = await this.#lookOnce(signal)
    if (signal.aborted) return
    const { up, down } = this.#options.probeMs ?? { up: PROBE_UP_MS, down: PROBE_DOWN_MS }
    // Each question may make it load a model, and fail with it: not every second.
    const patience = Math.min(up, down * 2 ** this.#unanswered)
    const usual = isThere && this.#models.length > 0 ? up : down
    const wait = this.#unanswered > 0 ? patience : usual
    this.#timer = setTimeout(() => void this.#look(), wait)
  }

  /** True if the engine is there. Changes nothing after the signal. */
  async #lookOnce(signal: AbortSignal): Promise<boolean> {
    try {
      const listed = await probe(this.#connection, this.#listed)
      if (signal.aborted) return true
      this.#take(listed)
      const wanted = wantedModels(this.#options, listed, (name) => this.#seen.get(name))
      const names = new Set(wanted.map(({ engineName }) => engineName))
      const isAsked = await this.#seen.see(listed, names, signal)
      // The questions took their time.
      const still = isAsked && !signal.aborted ? await probe(this.#connection, listed) : listed
      if (signal.aborted) return true
      this.#take(still)
      this.#offer(still)
      return true
    } catch (error) {
      if (!(error instanceof ProbeError)) throw error
      if (signal.aborted) return true
      this.#complain(`${error.message}; looking again every second`)
      this.#unanswered = 0
      this.#listed = undefined
      this.#seen.clear()
      this.#setModels([])
      return false
    }
  }

  /** Withdraws at once what is listed as something else than was seen. */
  #take(listed: ProbeResult): void {
    this.#listed = listed
    this.#seen.keepOnly(listed)
    this.#setModels(this.#models.filter(({ alias }) => this.#seen.get(alias.engineName)))
  }

  /** Who started it again may have started something else. */
  #restarted(): void {
    this.#seen.clear()
    this.#events?.cacheLost?.()
    this.#setModels([])
    void this.#look()
  }

  #offer(listed: ProbeResult): void {
    const seen = (name: string) => this.#seen.get(name)
    const whyUnanswered = (name: string) => this.#seen.whyUnanswered(name)
    const wanted = wantedModels(this.#options, listed, seen)
    const offers = wanted.flatMap(
      (alias) => offerOf(alias, listed.models, seen, this.#options) ?? [],
    )
    const missing = wanted.filter(({ id }) => !offers.some((offer) => offer.id === id))
    const isUnanswered = missing.some(({ engineName }) => whyUnanswered(engineName) !== undefined)
    this.#unanswered = isUnanswered ? this.#unanswered + 1 : 0
    const isUnasked = wanted.length === 0
    if (missing.length > 0 || isUnasked) {
      this.#complain(whyMissing(missing, listed, { seen, whyUnanswered }))
    } else this.#trouble = ''
    this.#setModels(offers.slice(0, MAX_MODELS_PER_PROVIDER))
  }

  #setModels(models: readonly OfferedModel[]): void {
    const isSame = JSON.stringify(models) === JSON.stringify(this.#models)
    this.#models = models
    const { speaks, tellsLoad } = this.#traits
    if (models.length > 0 && tellsLoad) this.#loadWatch.start(speaks)
    else this.#loadWatch.stop()
    if (!isSame) this.#events?.modelsChanged()
  }

  /** Says the same thing once, not at every look. */
  #complain(message: string): void {
    if (message !== this.#trouble) this.#events?.trouble(message)
    this.#trouble = message
  }
}
