import { stat } from 'node:fs/promises'
import { GgufError, type GgufHeader, type GgufValue } from '@infernet/models/gguf-format'
import { readGgufFileHeader } from '@infernet/models/gguf-file'
import { requiredFileBytes } from '@infernet/models/gguf-reader'
import { EngineStartError } from '../engine.ts'
import type { KvLayer, ModelFacts } from './memory-fit.ts'

/** One in so many layers looks back at everything, where the file does not say it: as llama.cpp has it. */
const FULL_LAYER_EVERY: ReadonlyMap<string, number> = new Map([
  ['gemma2', 2],
  ['gemma3', 6],
  ['gemma3n', 5],
  ['gpt-oss', 2],
  ['cohere2', 4],
])
/** What is longer than a list of layers is a vocabulary, which says nothing of memory. */
const MAX_LIST_ITEMS = 4_096
/** Parts of a split file. */
const PART = /-00001-of-(\d{5})\.gguf$/

/**
 * Reads from a GGUF file what it needs memory for; undefined where we do not understand it and the
 * server may. Throws {@link EngineStartError} for what no server can load.
 */
export async function ggufFacts(path: string): Promise<ModelFacts | undefined> {
  try {
    const header = await readGgufFileHeader(path, { maxItems: MAX_LIST_ITEMS })
    const { size } = await stat(path)
    const needed = requiredFileBytes(header)
    if (needed > size) {
      throw new GgufError('truncated', `it has ${size} bytes of the ${needed} that it describes`)
    }
    return factsOf(header, await allBytes(path, size))
  } catch (cause) {
    if (!(cause instanceof Error) || cause instanceof EngineStartError) throw cause
    if (cause instanceof GgufError && cause.code !== 'not_gguf' && cause.code !== 'truncated') {
      return undefined
    }
    const again = cause instanceof GgufError && cause.code === 'truncated' ? ': fetch it again' : ''
    throw new EngineStartError(
      `${path} is not a model that can be loaded: ${cause.message}${again}`,
      { cause },
    )
  }
}

/** The bytes of a file, or of all parts of a model that is split into several. */
async function allBytes(path: string, size: number): Promise<number> {
  const [, parts] = path.match(PART) ?? []
  let bytes = size
  for (let part = 2; part <= Number(parts ?? 1); part++) {
    const name = `-${String(part).padStart(5, '0')}-of-${parts}.gguf`
    bytes += (await stat(path.replace(PART, name))).size
  }
  return bytes
}

/** Undefined where a key that every model of a known kind has is missing. */
function factsOf(header: GgufHeader, weightBytes: number): ModelFacts | undefined {
  const architecture = header.metadata.get('general.architecture')
  const value = (key: string) => header.metadata.get(`${String(architecture)}.${key}`)
  const number = (key: string) => whole(value(key))
  const contextLength = number('context_length')
  const width = number('embedding_length')
  const count = number('block_count')
  if (contextLength === undefined || width === undefined || count === undefined) return undefined
  const vocabSize = header.tensors.get('token_embd.weight')?.dimensions[1] ?? 0
  const layers = Array.from({ length: count }, (_, layer) => layerOf(layer, width, value))
  const every = number('attention.sliding_window_pattern')
  const windows = windowsOf(
    number('attention.sliding_window'),
    every ?? FULL_LAYER_EVERY.get(String(architecture)),
    value('attention.sliding_window_pattern'),
  )
  return {
    weightBytes,
    contextLength,
    width,
    vocabSize,
    layers: layers.flatMap((layer, i) => (layer === undefined ? [] : { ...layer, ...windows(i) })),
  }
}

/** Undefined for a layer that keeps nothing for each token. */
function layerOf(
  layer: number,
  width: number,
  value: (key: string) => GgufValue | undefined,
): KvLayer | undefined {
  const heads = whole(ofLayer(value('attention.head_count'), layer)) ?? 1
  const rank = whole(value('attention.kv_lora_rank'))
  // Keys and values of all heads in one: what they are computed from.
  if (rank !== undefined)
    return { key: rank + (whole(value('rope.dimension_count')) ?? 0), value: 0 }
  const kvHeads = whole(ofLayer(value('attention.head_count_kv'), layer)) ?? heads
  if (kvHeads === 0) return undefined
  const headWidth = width / Math.max(1, heads)
  const key = whole(value('attention.key_length')) ?? headWidth
  const size = whole(value('attention.value_length')) ?? headWidth
  return { key: key * kvHeads, value: size * kvHeads }
}

/** Which layers look back only so far. */
function windowsOf(
  window: number | undefined,
  every: number | undefined,
  pattern: GgufValue | undefined,
): (layer: number) => { window?: number } {
  if (window === undefined || window === 0) return () => ({})
  if (typeof pattern === 'object') {
    return (layer) => (pattern.items[layer] ? { window } : {})
  }
  if (every === undefined) return () => ({})
  return (layer) => ((layer + 1) % every === 0 ? {} : { window })
}

const ofLayer = (value: GgufValue | undefined, layer: number): GgufValue | undefined =>
  typeof value === 'object' ? value.items[layer] : value

const whole = (value: GgufValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined
