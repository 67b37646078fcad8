import { MAX_SLOTS } from '@infernet/schemas/limits'
import { Option, type Command } from 'commander'
import { ENGINE_KINDS, type EngineName, type EngineOptions } from '../engines/create-engine.ts'
import { readSpecFlags, type SpecFlags } from '../engines/spec-words.ts'
import { DEFAULT_SLOTS } from '../limits.ts'
import { CREDENTIAL, readCredential } from '../service/credentials.ts'
import { count } from './count.ts'
import { addManagedOptions, type ManagedFlags } from './managed-options.ts'
import { readSandboxFlags } from './sandbox-options.ts'

export interface EngineFlags extends SpecFlags, ManagedFlags {
  readonly engine?: EngineName
  readonly engineUrl?: string
  readonly engineKey?: string
  readonly model: string[]
  /** Absent: the agent finds out, and an engine of its own has the usual number. */
  readonly slots?: number
  readonly context?: number
  readonly threads?: number
  readonly gpu: boolean
}

/** Adds the options that say what runs the models; `engineOptions` reads them. */
export const addEngineOptions = (command: Command): Command =>
  addManagedOptions(command)
    .addOption(
      new Option(
        '--engine <kind>',
        'what runs the model (default: llama-cpp, or openai-http with --engine-url)',
      ).choices(ENGINE_KINDS),
    )
    .option('--engine-url <url>', 'an OpenAI-compatible server: vLLM, llama-server, Ollama …')
    .addOption(new Option('--engine-key <key>', 'its API key').env('INFERNET_ENGINE_KEY'))
    .option(
      '--model <model...>',
      'embedded engines: file.gguf or NAME=file.gguf; servers: NAME or NAME=engine-name',
      [],
    )
    .option(
      '--slots <n>',
      'jobs at once (default: 4, and then what it does well)',
      count(MAX_SLOTS),
    )
    .option('--context <tokens>', 'context length, where the engine should not decide', count(1e8))
    .option('--threads <n>', 'CPU threads of llama-cpp', count(1024))
    .option('--no-gpu', 'keep llama-cpp off the GPU')
    .option('--spec-weights <file>', 'servers: their weights, or the SHA-256 of these')
    .option('--spec-quantization <word>', 'servers: format of the weights, such as fp8 or Q4_K_M')
    .option('--spec-kv <word>', 'servers: type of the key-value cache, such as f16 or fp8')
    .option('--spec-backend <word>', 'servers: what they compute on: cuda, rocm, metal or cpu')
    .option('--spec-template <file>', 'servers: their chat template, or the SHA-256 of it')
    .option('--spec-defaults <file>', "vLLM: its generation_config.json, or 'vllm' for none")

/** What runs the models; `openai-http` is a server beside the agent, not one of `--manage`. */
export const engineKind = ({ engine, engineUrl }: EngineFlags): EngineName =>
  engine ?? (engineUrl === undefined ? 'llama-cpp' : 'openai-http')

export function engineOptions(
  flags: EngineFlags,
  overrides: EngineOptions['overrides'],
): EngineOptions {
  const { model, sandbox: _, ...rest } = flags
  const sandbox = readSandboxFlags(flags)
  const engineKey = rest.engineKey ?? readCredential(CREDENTIAL.engineKey, process.env)
  return {
    ...rest,
    slots: rest.slots ?? DEFAULT_SLOTS,
    ...(engineKey === undefined ? {} : { engineKey }),
    overrides,
    engine: engineKind(flags),
    models: model,
    spec: readSpecFlags(rest),
    sandbox,
  }
}
