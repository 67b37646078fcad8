import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import { MAX_MODELS_PER_PROVIDER } from '@infernet/schemas/limits'
import { modelOfferSchema } from '@infernet/schemas/wire'
import {
  JobFault,
  providerFault,
  type Engine,
  type EngineEvents,
  type EngineModel,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
} from '../engine.ts'
import { ChatCall } from './chat-call.ts'
import { connectEngine, type EngineConnection } from './engine-connection.ts'
import type { ModelAlias } from './model-alias.ts'
import { probe, ProbeError, type ProbeResult } from './probe.ts'

/** Between looks at an engine that answers, and at one that does not. */
const PROBE_UP_MS = 10_000
const PROBE_DOWN_MS = 1_000
/** What is offered for a model whose server does not tell its context length. */
const UNKNOWN_CONTEXT_TOKENS = 4_096
/** What vLLM, llama-server and SGLang can all do. */
const CAPABILITIES_OF_SERVERS = ['tools', 'json_schema', 'logprobs', 'seed'] as const

export interface OpenAiHttpOptions {
  readonly url: string
  readonly key?: string | undefined
  /** What to offer; empty offers all that the engine has. */
  readonly models: readonly ModelAlias[]
  /** Tokens; overrides what the engine says. */
  readonly context?: number | undefined
  readonly capabilities?: EngineModel['capabilities'] | undefined
  /** For tests. */
  readonly probeMs?: { readonly up: number; readonly down: number }
}

interface OfferedModel extends EngineModel {
  readonly alias: ModelAlias
}

/** Any OpenAI-compatible server, reached over HTTP: vLLM, llama-server, SGLang, Ollama … */
export class OpenAiHttpEngine implements Engine {
  readonly kind = 'openai-http'
  readonly #options: OpenAiHttpOptions
  readonly #connection: EngineConnection
  readonly #calls = new Set<ChatCall>()
  #events: EngineEvents | undefined
  #models: readonly OfferedModel[] = []
  #serverKind: EngineKind = 'openai'
  #trouble = ''
  #timer: NodeJS.Timeout | undefined

  /** Throws `EngineStartError` for a bad URL. */
  constructor(options: OpenAiHttpOptions) {
    this.#options = options
    this.#connection = connectEngine(options.url, options.key)
  }

  get models(): readonly EngineModel[] {
    return this.#models
  }

  async start(events: EngineEvents): Promise<void> {
    this.#events = events
    await this.#look()
  }

  begin(request: EngineRequest, sink: EngineSink): EngineRun {
    const model = this.#models.find(({ id }) => id === request.model)
    if (model === undefined) {
      throw new JobFault(providerFault('engine_down', `no model '${request.model}' now`))
    }
    const call = new ChatCall({
      connection: this.#connection,
      alias: model.alias,
      serverKind: this.#serverKind,
      request,
      sink,
      onOver: () => this.#calls.delete(call),
      onUnreachable: () => void this.#look(),
    })
    this.#calls.add(call)
    return call
  }

  async close(): Promise<void> {
    this.#events = undefined
    clearTimeout(this.#timer)
    for (const call of this.#calls) call.abort()
  }

  /** Looks at the engine, now and from time to time. */
  async #look(): Promise<void> {
    clearTimeout(this.#timer)
    try {
      this.#offer(await probe(this.#connection))
    } catch (error) {
      if (!(error instanceof ProbeError)) throw error
      this.#complain(`${error.message}; looking again every second`)
      this.#setModels([])
    }
    if (this.#events === undefined) return
    clearTimeout(this.#timer)
    const { up, down } = this.#options.probeMs ?? { up: PROBE_UP_MS, down: PROBE_DOWN_MS }
    this.#timer = setTimeout(() => void this.#look(), this.#models.length > 0 ? up : down)
  }

  #offer({ models, kind }: ProbeResult): void {
    this.#serverKind = kind
    const { models: wanted, context, capabilities = CAPABILITIES_OF_SERVERS } = this.#options
    const aliases =
      wanted.length > 0 ? wanted : models.map(({ name }) => ({ id: name, engineName: name }))
    const offers = aliases.flatMap((alias) => {
      const listed = models.find(({ name }) => name === alias.engineName)
      const contextLength = context ?? listed?.contextLength ?? UNKNOWN_CONTEXT_TOKENS
      const isGoodName = modelOfferSchema.shape.id.safeParse(alias.id).success
      return listed && isGoodName ? [{ id: alias.id, contextLength, capabilities, alias }] : []
    })
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

  #setModels(models: readonly OfferedModel[]): void {
    const isSame = JSON.stringify(models) === JSON.stringify(this.#models)
    this.#models = models
    if (!isSame) this.#events?.modelsChanged()
  }

  /** Says the same thing once, not at every look. */
  #complain(message: string): void {
    if (message !== this.#trouble) this.#events?.trouble(message)
    this.#trouble = message
  }
}
