import { EngineStartError, type Engine } from './engine.ts'
import { LlamaCppEngine } from './llama-cpp/llama-cpp.ts'
import type { ManagedKind } from './managed/engine-command.ts'
import { ManagedEngine } from './managed/managed.ts'
import type { OfferOverrides } from './offer-overrides.ts'
import { demoModel, parseModelFile } from './model-file.ts'
import type { EngineSandboxOptions } from '../sandbox/engine-sandbox.ts'
import { parseModelAlias } from './openai-http/model-alias.ts'
import { OpenAiHttpEngine } from './openai-http/openai-http.ts'
import type { SpecWords } from './spec-words.ts'
import { TinyEngine } from './tiny.ts'

export const ENGINE_KINDS = ['llama-cpp', 'tiny', 'openai-http'] as const
export type EngineName = (typeof ENGINE_KINDS)[number]

/** What the command line says about the engine. */
export interface EngineOptions {
  readonly engine: EngineName
  /** A server that the agent starts itself, in place of `engine`. */
  readonly manage?: ManagedKind
  /** Its program; else the first on the PATH. */
  readonly engineProgram?: string
  /** More arguments for it. */
  readonly engineArg?: readonly string[]
  /** Share of each GPU's memory that vLLM may take, from 0 to 1. */
  readonly gpuMemoryUtilization?: number
  /** Start it although its model does not seem to fit. */
  readonly skipMemoryCheck?: boolean
  /** Base URL of an OpenAI-compatible server, with or without `/v1`. */
  readonly engineUrl?: string
  readonly engineKey?: string
  /** `--model`, as given: files for the embedded engines, names for a server. */
  readonly models: readonly string[]
  readonly slots: number
  /** Tokens of context, where the engine does not say or should not decide. */
  readonly context?: number
  readonly threads?: number
  readonly gpu: boolean
  /** What such a server is confined to. */
  readonly sandbox?: EngineSandboxOptions | undefined
  /** What the owner says about the models. */
  readonly overrides: OfferOverrides
  /** What the owner says of the weights behind a server. */
  readonly spec?: SpecWords
}

/** The engine that the options describe, not yet started; `now` is in ms since the epoch. Throws `EngineStartError`. */
export function createEngine(options: EngineOptions, now: () => number): Engine {
  const { engine, models, overrides, manage, sandbox } = options
  if (manage !== undefined) return managedEngine(manage, options)
  if (sandbox !== undefined) {
    throw new EngineStartError(
      '--sandbox is for a server that the agent starts itself: add --manage llama-server, or --manage vllm',
    )
  }
  if (engine === 'openai-http') {
    return new OpenAiHttpEngine({
      url: options.engineUrl ?? '',
      key: options.engineKey,
      models: models.map(parseModelAlias),
      context: options.context,
      overrides,
      ...(options.spec === undefined ? {} : { spec: options.spec }),
    })
  }
  const files = models.length === 0 ? [demoModel()] : models.map(parseModelFile)
  if (engine === 'tiny') return new TinyEngine(files, now, overrides)
  return new LlamaCppEngine({ ...options, files }, now)
}

function managedEngine(kind: ManagedKind, options: EngineOptions): Engine {
  const { models } = options
  if (kind === 'vllm' && models.length === 0) {
    throw new EngineStartError('say which model vLLM serves: --model NAME=FOLDER')
  }
  return new ManagedEngine({
    kind,
    program: options.engineProgram,
    models: models.length === 0 ? [demoModel()] : models.map(parseModelFile),
    slots: options.slots,
    context: options.context,
    threads: options.threads,
    gpu: options.gpu,
    gpuShare: options.gpuMemoryUtilization,
    extra: options.engineArg ?? [],
    checksMemory: options.skipMemoryCheck !== true,
    overrides: options.overrides,
    ...(options.spec === undefined ? {} : { spec: options.spec }),
    ...(options.sandbox === undefined ? {} : { sandbox: options.sandbox }),
  })
}
