/** What one layer keeps of a token, in numbers. */
export interface KvLayer {
  readonly key: number
  readonly value: number
  /** Tokens that it looks back; undefined for all. */
  readonly window?: number
}

/** What a model needs memory for. */
export interface ModelFacts {
  readonly weightBytes: number
  /** Tokens it was trained for. */
  readonly contextLength: number
  /** Only layers that keep something. */
  readonly layers: readonly KvLayer[]
  readonly vocabSize: number
  readonly width: number
}

/** How it is to be served. */
export interface MemoryPlan {
  /** Tokens of each slot. */
  readonly context: number
  readonly slots: number
  readonly kvTypes: { readonly key: string; readonly value: string }
}

/** What is free, in bytes. Without a GPU that we can ask, `vramBytes` is absent. */
export interface Memory {
  readonly ramBytes: number
  readonly vramBytes?: number
}

/** Bytes. */
export interface MemoryNeed {
  readonly weights: number
  readonly cache: number
  /** Buffers to compute in, and the program itself. */
  readonly rest: number
  readonly total: number
}

/** Where a model goes: `both` is what does not fit the GPU, and runs partly on the processor. */
export type MemoryFit =
  | { readonly where: 'vram' | 'ram' | 'both'; readonly need: MemoryNeed; readonly free: number }
  | {
      readonly where: 'nowhere'
      readonly need: MemoryNeed
      readonly free: number
      /** The longest context that fits with as many slots, and the most slots with as much context; 0 for none. */
      readonly fits: { readonly context: number; readonly slots: number }
    }

const MIB = 1024 * 1024
/** Tokens that are computed together, and so how far above its window a layer's cache goes. */
const BATCH_TOKENS = 512
/** Caches are made in steps of it. */
const CELL_STEP = 256
/** llama-server itself; on a GPU CUDA's context and kernels. */
const BASE_BYTES = { ram: 64 * MIB, vram: 400 * MIB }

/** Bytes of one number in the cache; a type that we do not know is taken for a 16-bit one. */
const KV_BYTES: ReadonlyMap<string, number> = new Map([
  ['f32', 4],
  ['f16', 2],
  ['bf16', 2],
  ['q8_0', 34 / 32],
  ['q5_1', 24 / 32],
  ['q5_0', 22 / 32],
  ['q4_1', 20 / 32],
  ['q4_0', 18 / 32],
  ['iq4_nl', 18 / 32],
  ['fp8', 1],
  ['fp8_e4m3', 1],
  ['fp8_e5m2', 1],
])

/** Whether the model can be served in this memory, and if not, how it could be. */
export function fitOf(facts: ModelFacts, plan: MemoryPlan, memory: Memory): MemoryFit {
  const { ramBytes, vramBytes } = memory
  const onGpu = vramBytes !== undefined
  const free = ramBytes + (vramBytes ?? 0)
  const needs = (more: Partial<MemoryPlan>): MemoryNeed =>
    needOf(facts, { ...plan, ...more }, onGpu ? BASE_BYTES.vram : BASE_BYTES.ram)
  const need = needs({})
  if (onGpu && need.total <= vramBytes) return { where: 'vram', need, free: vramBytes }
  if (need.total <= free) return { where: onGpu ? 'both' : 'ram', need, free }
  const steps = most(Math.floor(plan.context / CELL_STEP), (n) => {
    return needs({ context: n * CELL_STEP }).total <= free
  })
  const slots = most(plan.slots, (n) => needs({ slots: n }).total <= free)
  return { where: 'nowhere', need, free, fits: { context: steps * CELL_STEP, slots } }
}

function needOf(facts: ModelFacts, plan: MemoryPlan, base: number): MemoryNeed {
  const { weightBytes: weights, layers, vocabSize, width } = facts
  const keyBytes = KV_BYTES.get(plan.kvTypes.key) ?? 2
  const valueBytes = KV_BYTES.get(plan.kvTypes.value) ?? 2
  let perSlot = 0
  for (const { key, value, window = Infinity } of layers) {
    const cells = stepUp(Math.min(plan.context, window + BATCH_TOKENS))
    perSlot += cells * (key * keyBytes + value * valueBytes)
  }
  const cache = perSlot * plan.slots
  // The logits of a batch, and a few layers' results: all in 32 bits.
  const rest = base + BATCH_TOKENS * 4 * (vocabSize + 4 * width)
  return { weights, cache, rest, total: weights + cache + rest }
}

const stepUp = (tokens: number): number => Math.ceil(tokens / CELL_STEP) * CELL_STEP

/** The largest n up to `max` that fits; 0 for none. What fits with n fits with less. */
function most(max: number, fits: (n: number) => boolean): number {
  let [low, high] = [0, max]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  return low
}

/** What is wrong with a fit, for the owner; undefined when all goes where it is fast. */
export function fitAdvice(id: string, plan: MemoryPlan, fit: MemoryFit): string | undefined {
  if (fit.where === 'ram' || fit.where === 'vram') return undefined
  const { weights, cache, rest, total } = fit.need
  const parts =
    `${gib(total)} (weights ${gib(weights)}, ${plan.slots} × ${plan.context} tokens of context ` +
    `${gib(cache)}, the rest ${gib(rest)})`
  return fit.where === 'nowhere'
    ? `${id} needs ${parts}, and ${gib(fit.free)} are free: ${whatFits(fit.fits)}`
    : `${id} needs ${parts}, more than the GPU has free: a part will run on the processor, slowly`
}

function whatFits({ context, slots }: { context: number; slots: number }): string {
  const ways = [
    ...(context > 0 ? [`--context ${context}`] : []),
    ...(slots > 0 ? [`--slots ${slots}`] : []),
  ]
  const skip = 'to try all the same, add --skip-memory-check'
  if (ways.length === 0) {
    return `free some, or take a smaller model or quantization; ${skip}`
  }
  return `${ways.join(' or ')} would fit; ${skip}`
}

const gib = (bytes: number): string => `${(bytes / (1024 * MIB)).toFixed(2)} GiB`
