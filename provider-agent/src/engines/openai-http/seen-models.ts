import type { OfferOverrides } from '../offer-overrides.ts'
import type { SpecWords } from '../spec-words.ts'
import { seeCapabilities, type SeenCapabilities } from './capability-probe.ts'
import type { EngineConnection } from './engine-connection.ts'
import { SERVER_TRAITS, type ServerKind } from './engine-kinds.ts'
import type { EvidencePlan } from './evidence/evidence-plan.ts'
import { findPlan } from './evidence/find-plan.ts'
import { ModelFileReader } from './evidence/model-folder.ts'
import { HttpRenderer } from './http-renderer.ts'
import { OwnQuestions } from './own-questions.ts'
import type { ListedModel, ProbeResult } from './probe.ts'

/** What was found out about a model when it was first seen. */
export interface SeenModel extends SeenCapabilities {
  readonly plan?: EvidencePlan
}

export interface SeenModelsOptions {
  readonly connection: EngineConnection
  /** What the owner says of all models, and of the weights. */
  readonly overrides?: OfferOverrides | undefined
  readonly spec?: SpecWords | undefined
  /** For the owner, once each. */
  readonly advise: (message: string) => void
}

/** What was found out about a server's models, for as long as it serves the same ones. */
export class SeenModels {
  readonly #options: SeenModelsOptions
  readonly #files = new ModelFileReader()
  /** By the engine's own name. */
  readonly #seen = new Map<string, { readonly mark: string; readonly model: SeenModel }>()
  /** Why there is no answer, by the same name. */
  readonly #unanswered = new Map<string, string>()
  readonly #advice = new Set<string>()

  constructor(options: SeenModelsOptions) {
    this.#options = options
  }

  get(name: string): SeenModel | undefined {
    return this.#seen.get(name)?.model
  }

  /** Why a model that was asked has not been seen; undefined where it was not asked, or has answered. */
  whyUnanswered(name: string): string | undefined {
    return this.#unanswered.get(name)
  }

  /** The server is gone, or is another. */
  clear(): void {
    this.#seen.clear()
    this.#unanswered.clear()
  }

  /** It is to be asked anew before it is offered again. */
  forget(name: string): void {
    this.#seen.delete(name)
  }

  /** Drops what is not listed any more, or is listed as something else under its name. */
  keepOnly({ models, kind }: ProbeResult): void {
    const marks = new Map(models.map((model) => [model.name, markOf(model, kind)]))
    for (const [name, { mark }] of this.#seen) {
      if (marks.get(name) !== mark) this.#seen.delete(name)
    }
  }

  /** Asks the models of these names that have not been seen; true if there were any. */
  async see(
    { models, kind }: ProbeResult,
    names: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<boolean> {
    this.#unanswered.clear()
    const fresh = models.filter(({ name }) => names.has(name) && !this.#seen.has(name))
    for (const model of fresh) {
      const { connection } = this.#options
      const found = await seeCapabilities(connection, model.name, kind, signal)
      if (signal.aborted) break
      if ('unanswered' in found) {
        this.#unanswered.set(model.name, found.unanswered)
        continue
      }
      const plan = await this.#plan(model, found, kind, signal)
      if (signal.aborted) break
      const seen = plan === undefined ? found : { ...found, plan }
      this.#seen.set(model.name, { mark: markOf(model, kind), model: seen })
    }
    return fresh.length > 0
  }

  /** Finds out how a model's answers can be shown, and tells the owner what is missing for it. */
  async #plan(
    model: ListedModel,
    { endpoints }: SeenCapabilities,
    kind: ServerKind,
    signal: AbortSignal,
  ): Promise<EvidencePlan | undefined> {
    if (model.isAdapter || (kind !== 'vllm' && kind !== 'llama-server')) return undefined
    if (endpoints.every((endpoint) => endpoint === 'embeddings')) return undefined
    const { connection, overrides, spec } = this.#options
    const questions = new OwnQuestions(connection, kind, signal)
    const facts = await questions.facts()
    const { plan, advice } = await findPlan({
      id: model.name,
      kind,
      words: spec ?? {},
      facts,
      modelPath: connection.isLocal ? (facts?.modelPath ?? model.root) : undefined,
      quantization: overrides?.quantization ?? model.quantization,
      endpoints,
      files: this.#files,
      renderer: new HttpRenderer(connection, {
        alias: { id: model.name, engineName: model.name },
        kind,
      }),
      signal,
      ask: (by, request) => questions.ask(by, { ...request, model: model.name }),
    })
    // What was broken off has found nothing out.
    if (advice !== undefined && !signal.aborted && !this.#advice.has(advice)) {
      this.#advice.add(advice)
      this.#options.advise(advice)
    }
    return plan
  }
}

const markOf = ({ mark, created }: ListedModel, kind: ServerKind): string =>
  [kind, mark, ...(SERVER_TRAITS[kind].datesModels ? [created] : [])].join(' ')
