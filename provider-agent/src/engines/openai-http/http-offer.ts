import { MAX_MODELS_PER_PROVIDER } from '@infernet/schemas/limits'
import { modelOfferSchema } from '@infernet/schemas/wire'
import type { EngineModel } from '../engine.ts'
import { quantizationOf } from '../model-file.ts'
import type { OfferOverrides } from '../offer-overrides.ts'
import { SERVER_TRAITS } from './engine-kinds.ts'
import type { EvidencePlan } from './evidence/evidence-plan.ts'
import type { ModelAlias } from './model-alias.ts'
import type { ListedModel, ProbeResult } from './probe.ts'
import type { SeenModel } from './seen-models.ts'

/** What is offered for a model whose server does not tell its context length. */
const UNKNOWN_CONTEXT_TOKENS = 4_096

/** A model of an HTTP engine, as it is offered. */
export interface OfferedModel extends EngineModel {
  readonly alias: ModelAlias
  readonly echoes: boolean
  readonly plan?: EvidencePlan
  readonly vocabSize?: number
}

/** What the owner says. */
export interface OfferWords {
  /** What to offer; empty offers what the engine has. */
  readonly models: readonly ModelAlias[]
  /** Tokens; overrides what the engine says. */
  readonly context?: number | undefined
  /** It goes before what was found out. */
  readonly overrides?: OfferOverrides | undefined
}

/** What was found out about a model, by the engine's own name. */
export interface FoundOut {
  readonly seen: (name: string) => SeenModel | undefined
  readonly whyUnanswered: (name: string) => string | undefined
}

/**
 * The models that are to be offered. A server that loads what is asked for is asked for what its owner
 * names, for the only one that it has, and for what it was asked for before.
 */
export function wantedModels(
  { models: named }: OfferWords,
  { models, kind }: ProbeResult,
  seen: FoundOut['seen'],
): readonly ModelAlias[] {
  if (named.length > 0) return named
  const isAll = SERVER_TRAITS[kind].isLoaded || models.length === 1
  return models
    .filter(({ name }) => isAll || seen(name) !== undefined)
    .slice(0, MAX_MODELS_PER_PROVIDER)
    .map(({ name }) => ({ id: name, engineName: name }))
}

/** A model that has answered, as it is offered; undefined where it cannot be. */
export function offerOf(
  alias: ModelAlias,
  models: readonly ListedModel[],
  seen: FoundOut['seen'],
  { context, overrides = {} }: OfferWords,
): OfferedModel | undefined {
  const listed = models.find(({ name }) => name === alias.engineName)
  const found = seen(alias.engineName)
  const isGoodName = modelOfferSchema.shape.id.safeParse(alias.id).success
  if (listed === undefined || found === undefined || !isGoodName) return undefined
  const { endpoints, capabilities, echoes, plan, contextLength } = found
  const { quantization, vocabSize } = listed
  const model = {
    id: alias.id,
    contextLength: context ?? listed.contextLength ?? contextLength ?? UNKNOWN_CONTEXT_TOKENS,
    endpoints,
    capabilities,
    ...(quantization === undefined ? {} : quantizationOf({ quantization })),
    alias,
    echoes,
    ...(plan === undefined ? {} : { plan, spec: plan.spec }),
    ...(plan?.tokenBytes === undefined ? {} : { tokenBytes: plan.tokenBytes }),
    ...(vocabSize === undefined ? {} : { vocabSize }),
    ...overrides,
  }
  return model.endpoints.length === 0 ? undefined : model
}

/** What the owner should know of models that are not offered, with the next step. */
export function whyMissing(
  missing: readonly ModelAlias[],
  { models, kind }: ProbeResult,
  { whyUnanswered }: FoundOut,
): string {
  const name = kind === 'unknown' ? 'the engine' : SERVER_TRAITS[kind].name
  if (models.length === 0) return `${name} has no model: ${SERVER_TRAITS[kind].getsModels}`
  const has = `it has ${models.map((model) => model.name).join(', ')}`
  if (missing.length === 0) {
    return `${name} may load each model that it is asked for, and so none is offered unasked; ${has}. Choose with --model NAME`
  }
  for (const { engineName } of missing) {
    const why = whyUnanswered(engineName)
    if (why !== undefined) return `${engineName} is not offered before it answers: ${why}`
  }
  const names = missing.map(({ engineName }) => engineName).join(', ')
  return (
    `the engine cannot serve ${names}; ${has}. ` +
    'Choose with --model NAME, or rename with --model NAME=ENGINE-NAME'
  )
}
