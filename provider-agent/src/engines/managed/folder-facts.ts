import { constants } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { errorMessage } from '../../error-message.ts'
import { EngineStartError } from '../engine.ts'
import type { KvLayer, ModelFacts } from './memory-fit.ts'

/** Real ones have some 2 KB; a few hundred with long lists of layers. */
const MAX_CONFIG_BYTES = 1024 * 1024

const size = z.int().nonnegative()
const textSchema = z.looseObject({
  hidden_size: size,
  num_hidden_layers: size.max(10_000),
  num_attention_heads: size.min(1),
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size,
  vocab_size: size,
  sliding_window: size.nullish(),
  layer_types: z.array(z.string()).nullish(),
  kv_lora_rank: size.nullish(),
  qk_rope_head_dim: size.nullish(),
})
type TextConfig = z.infer<typeof textSchema>

/**
 * Reads from a model's folder, as it is downloaded, what it needs memory for; undefined where we do
 * not understand its config and vLLM may. Throws {@link EngineStartError} for what is no such folder.
 */
export async function folderFacts(folder: string): Promise<ModelFacts | undefined> {
  const text = await configText(folder)
  const names = (await readdir(folder)).filter((name) => /\.(safetensors|bin|pt)$/.test(name))
  if (names.length === 0) {
    throw new EngineStartError(`${folder} has no weights (*.safetensors): download it again`)
  }
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  const config = configOf(text)
  if (config === undefined) return undefined
  return {
    weightBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    contextLength: config.max_position_embeddings,
    width: config.hidden_size,
    vocabSize: config.vocab_size,
    layers: Array.from({ length: config.num_hidden_layers }, (_, i) => layerOf(config, i)).flat(),
  }
}

async function configText(folder: string): Promise<string> {
  const path = join(folder, 'config.json')
  try {
    return await readConfig(path)
  } catch (cause) {
    throw new EngineStartError(
      `${folder} is not the folder of a model: config.json cannot be read: ${errorMessage(cause)}. ` +
        'Download the model first, and say --model NAME=FOLDER',
      { cause },
    )
  }
}

/** Wherever a link leads: it must neither hold the start up nor fill the memory. */
async function readConfig(path: string): Promise<string> {
  // A pipe would be waited for, were it opened otherwise.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a file')
    const bytes = Buffer.alloc(MAX_CONFIG_BYTES + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = (await file.read(bytes, length)).bytesRead
    }
    if (length > MAX_CONFIG_BYTES) throw new Error(`it is longer than ${MAX_CONFIG_BYTES} bytes`)
    return bytes.toString('utf8', 0, length)
  } finally {
    await file.close()
  }
}

/** Of models that see, what concerns their text is a part of it. */
function configOf(text: string): TextConfig | undefined {
  try {
    const config = JSON.parse(text) as { text_config?: unknown }
    return textSchema.safeParse(config.text_config ?? config).data
  } catch {
    return undefined
  }
}

function layerOf(config: TextConfig, layer: number): readonly KvLayer[] {
  const type = config.layer_types?.[layer]
  if (type?.startsWith('linear') === true) return []
  const window =
    type?.startsWith('sliding') === true && config.sliding_window
      ? { window: config.sliding_window }
      : {}
  if (config.kv_lora_rank) {
    return [{ key: config.kv_lora_rank + (config.qk_rope_head_dim ?? 0), value: 0, ...window }]
  }
  const width = config.head_dim ?? config.hidden_size / config.num_attention_heads
  const heads = config.num_key_value_heads ?? config.num_attention_heads
  return [{ key: width * heads, value: width * heads, ...window }]
}
