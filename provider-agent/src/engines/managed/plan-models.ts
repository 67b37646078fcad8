import { EngineStartError } from '../engine.ts'
import type { ModelFile } from '../model-file.ts'
import type { SpecWords } from '../spec-words.ts'
import type { EngineCommand, ServePlan } from './engine-command.ts'
import { readBackend } from './find-program.ts'
import { folderFacts } from './folder-facts.ts'
import type { FreeMemory } from './free-memory.ts'
import { ggufFacts } from './gguf-facts.ts'
import { llamaKvTypes, llamaServerCommand } from './llama-server-command.ts'
import type { ManagedOptions } from './managed-options.ts'
import { fitAdvice, fitOf, type Memory, type MemoryPlan, type ModelFacts } from './memory-fit.ts'
import { vllmCommand, vllmGpus, vllmKvType } from './vllm-command.ts'

/** A slot's tokens where nothing is said: as the embedded engine has it. */
const DEFAULT_CONTEXT_TOKENS = 8_192
/** Of what would be left, how much llama-server may keep prompts in, and never more than its own default. */
const PROMPT_CACHE_SHARE = 4
const MAX_PROMPT_CACHE_MIB = 8_192
/** Of each GPU for vLLM: its own default, and what is left free beside it where others use the GPU too. */
const DEFAULT_GPU_SHARE = 0.9
const GPU_MARGIN = 0.02
const MIB = 1024 * 1024

/** What is known of a server only when it is started. */
type ServeRim = Pick<ServePlan, 'program' | 'socket' | 'key' | 'env'>

/** A model that fits, and how to serve it. */
export interface PlannedModel {
  readonly model: ModelFile
  readonly commandOf: (rim: ServeRim) => EngineCommand
  /** What we know of how it computes. */
  readonly spec: SpecWords
  /** That it takes of the machine's own memory at most, where we know it. */
  readonly memoryBytes?: number
}

export interface PlannedModels {
  readonly planned: readonly PlannedModel[]
  /** What the owner should know. */
  readonly advice: readonly string[]
}

/** What the machine says. */
export interface Machine {
  readonly memory: FreeMemory
  /** `llama-server --list-devices`. */
  readonly devices: string
}

/**
 * Plans each model into the memory that the ones before it leave. Throws {@link EngineStartError}
 * for one that does not fit, or is none.
 */
export async function planModels(
  options: ManagedOptions,
  { memory, devices }: Machine,
): Promise<PlannedModels> {
  const planned: PlannedModel[] = []
  const advice: string[] = []
  const isVllm = options.kind === 'vllm'
  const backend = isVllm ? vllmBackend(memory) : options.gpu ? readBackend(devices) : 'cpu'
  const gpuShare = isVllm ? (options.gpuShare ?? freeShare(options, memory)) : undefined
  let left = memoryFor(options, memory, gpuShare, backend)
  for (const model of options.models) {
    const facts = await (isVllm ? folderFacts : ggufFacts)(model.path)
    const plan = memoryPlan(options, facts)
    // vLLM shares its cache out as answers come: room for one is what it cannot do without.
    const needed = isVllm ? { ...plan, slots: 1 } : plan
    const fit = facts && left && fitOf(facts, needed, left)
    if (fit !== undefined && options.checksMemory) {
      const message = fitAdvice(model.id, needed, fit)
      if (fit.where === 'nowhere') throw new EngineStartError(message ?? '')
      if (message !== undefined) advice.push(message)
    }
    // vLLM takes its share, whatever it needs.
    if (fit !== undefined && left !== undefined && !isVllm) left = leftOf(left, fit.need.total)
    const promptCacheMib = isVllm ? undefined : promptCache(left, options.models.length)
    const { slots, threads, gpu, extra } = options
    const serve = { ...model, slots, threads, gpu, gpuShare, promptCacheMib, extra }
    const context = isVllm ? options.context : plan.context
    planned.push({
      model,
      commandOf: (rim) =>
        (isVllm ? vllmCommand : llamaServerCommand)({ ...serve, ...rim, context }),
      spec: specOf(plan, backend),
      ...(fit === undefined || isVllm
        ? {}
        : { memoryBytes: fit.need.total + (promptCacheMib ?? 0) * MIB }),
    })
  }
  return { planned, advice }
}

function memoryPlan(options: ManagedOptions, facts: ModelFacts | undefined): MemoryPlan {
  const { kind, slots, context, extra } = options
  const trained = facts?.contextLength ?? Infinity
  if (kind === 'vllm') {
    const kv = vllmKvType(extra)
    const tokens = context ?? facts?.contextLength ?? DEFAULT_CONTEXT_TOKENS
    return { context: tokens, slots, kvTypes: { key: kv, value: kv } }
  }
  // Beyond what the model was trained on llama-server caps it anyway.
  const tokens = Math.min(context ?? DEFAULT_CONTEXT_TOKENS, trained)
  return { context: tokens, slots, kvTypes: llamaKvTypes(extra) }
}

/** What a model may take; undefined where we cannot know it, as for vLLM without an NVIDIA GPU. */
function memoryFor(
  { kind, extra }: ManagedOptions,
  { ramBytes, gpus }: FreeMemory,
  gpuShare: number | undefined,
  backend: string | undefined,
): Memory | undefined {
  if (kind === 'vllm') {
    const used = gpus.slice(0, vllmGpus(extra))
    if (used.length === 0 || gpuShare === undefined) return undefined
    const bytes = used.reduce((sum, { totalBytes }) => sum + totalBytes * gpuShare, 0)
    return { ramBytes: 0, vramBytes: Math.floor(bytes) }
  }
  if (backend === 'cpu' || backend === 'metal') return { ramBytes }
  if (gpus.length === 0) return undefined
  return { ramBytes, vramBytes: gpus.reduce((sum, { freeBytes }) => sum + freeBytes, 0) }
}

/** The share of the fullest GPU that vLLM can have; undefined leaves it to vLLM. */
function freeShare({ extra, models }: ManagedOptions, { gpus }: FreeMemory): number | undefined {
  const free = gpus
    .slice(0, vllmGpus(extra))
    .map(({ freeBytes, totalBytes }) => freeBytes / totalBytes)
  if (free.length === 0) return undefined
  const share = Math.min(DEFAULT_GPU_SHARE, ...free.map((it) => it - GPU_MARGIN))
  return Math.max(0.01, Math.floor((share * 100) / models.length) / 100)
}

/** The GPU is filled first. */
function leftOf({ ramBytes, vramBytes }: Memory, taken: number): Memory {
  if (vramBytes === undefined) return { ramBytes: Math.max(0, ramBytes - taken) }
  const rest = Math.max(0, taken - vramBytes)
  return { vramBytes: Math.max(0, vramBytes - taken), ramBytes: Math.max(0, ramBytes - rest) }
}

/** MiB; undefined leaves it to llama-server. */
const promptCache = (left: Memory | undefined, models: number): number | undefined =>
  left &&
  Math.min(MAX_PROMPT_CACHE_MIB, Math.floor(left.ramBytes / PROMPT_CACHE_SHARE / models / MIB))

const vllmBackend = ({ gpus }: FreeMemory): string | undefined =>
  gpus.length > 0 ? 'cuda' : undefined

function specOf({ kvTypes }: MemoryPlan, backend: string | undefined): SpecWords {
  const { key, value } = kvTypes
  return { ...(key === value ? { kv: key } : {}), ...(backend === undefined ? {} : { backend }) }
}
