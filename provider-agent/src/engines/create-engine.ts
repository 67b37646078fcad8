import type { LocalChatClock } from './local-chat.ts'
import type { Engine, EngineModel } from './engine.ts'
import { LlamaCppEngine } from './llama-cpp/llama-cpp.ts'
import { demoModel, parseModelFile } from './model-file.ts'
import { parseModelAlias } from './openai-http/model-alias.ts'
import { OpenAiHttpEngine } from './openai-http/openai-http.ts'
import { TinyEngine } from './tiny.ts'

export const ENGINE_KINDS = ['llama-cpp', 'tiny', 'openai-http'] as const
export type EngineName = (typeof ENGINE_KINDS)[number]

/** What the command line says about the engine. */
export interface EngineOptions {
  readonly engine: EngineName
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
  /** Of an HTTP engine, which cannot be asked. */
  readonly capabilities?: EngineModel['capabilities']
}

/** The engine that the options describe, not yet started. Throws `EngineStartError`. */
export function createEngine(options: EngineOptions, clock: LocalChatClock): Engine {
  const { engine, models } = options
  if (engine === 'openai-http') {
    return new OpenAiHttpEngine({
      url: options.engineUrl ?? '',
      key: options.engineKey,
      models: models.map(parseModelAlias),
      context: options.context,
      capabilities: options.capabilities,
    })
  }
  const files = models.length === 0 ? [demoModel()] : models.map(parseModelFile)
  if (engine === 'tiny') return new TinyEngine(files, clock)
  return new LlamaCppEngine({ ...options, files }, clock)
}
