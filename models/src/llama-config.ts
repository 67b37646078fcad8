import { GgufError, type GgufHeader } from './gguf-format.ts'

/** The shape of a llama-architecture model. */
export type LlamaConfig = {
  /** Most tokens a sequence may hold. */
  readonly contextLength: number
  readonly vocabSize: number
  /** Width of the residual stream. */
  readonly width: number
  readonly layers: number
  readonly heads: number
  /** Key/value heads, each shared by `heads / kvHeads` query heads. */
  readonly kvHeads: number
  /** Width of one attention head. */
  readonly headWidth: number
  /** Width of the feed-forward layer. */
  readonly hidden: number
  readonly ropeBase: number
  readonly rmsEpsilon: number
}

/** A tensor's name and dimensions, the row length first. */
export type TensorShape = { readonly name: string; readonly dimensions: readonly number[] }

/** Bounds on shapes, generous against the largest published dense models (405 B parameters). */
const MAX_LAYERS = 1_024
const MAX_WIDTH = 1_048_576
const MAX_CONTEXT = 134_217_728

/**
 * Reads and cross-checks the hyperparameters that llama.cpp requires for architecture "llama".
 * @throws GgufError `incomplete_model` for a missing or impossible one.
 */
export function llamaConfigFromGguf(header: GgufHeader): LlamaConfig {
  const vocabulary = header.metadata.get('tokenizer.ggml.tokens')
  const embedding = header.tensors.get('token_embd.weight')
  const vocabSize =
    typeof vocabulary === 'object' ? vocabulary.items.length : (embedding?.dimensions[1] ?? 0)
  const width = integer(header, 'llama.embedding_length', MAX_WIDTH)
  const heads = integer(header, 'llama.attention.head_count', MAX_WIDTH)
  const config: LlamaConfig = {
    contextLength: integer(header, 'llama.context_length', MAX_CONTEXT),
    vocabSize,
    width,
    layers: integer(header, 'llama.block_count', MAX_LAYERS),
    heads,
    kvHeads: integer(header, 'llama.attention.head_count_kv', MAX_WIDTH, heads),
    headWidth: integer(header, 'llama.attention.key_length', MAX_WIDTH, width / heads),
    hidden: integer(header, 'llama.feed_forward_length', MAX_WIDTH),
    ropeBase: positive(header, 'llama.rope.freq_base', 10_000),
    rmsEpsilon: positive(header, 'llama.attention.layer_norm_rms_epsilon'),
  }
  if (heads % config.kvHeads !== 0 || vocabSize === 0) {
    throw new GgufError('incomplete_model', 'head counts or vocabulary do not fit the model')
  }
  return config
}

/** Width of all query heads together. */
export function queryWidth({ heads, headWidth }: LlamaConfig): number {
  return heads * headWidth
}

/** Width of all key (or value) heads together. */
export function kvWidth({ kvHeads, headWidth }: LlamaConfig): number {
  return kvHeads * headWidth
}

/** Every tensor of the model except the optional `output.weight`, in file order. */
export function llamaTensorShapes(config: LlamaConfig): TensorShape[] {
  const { width, hidden } = config
  const shapes: TensorShape[] = [
    { name: 'token_embd.weight', dimensions: [width, config.vocabSize] },
  ]
  for (let layer = 0; layer < config.layers; layer++) {
    const block: [string, number[]][] = [
      ['attn_norm', [width]],
      ['attn_q', [width, queryWidth(config)]],
      ['attn_k', [width, kvWidth(config)]],
      ['attn_v', [width, kvWidth(config)]],
      ['attn_output', [queryWidth(config), width]],
      ['ffn_norm', [width]],
      ['ffn_gate', [width, hidden]],
      ['ffn_up', [width, hidden]],
      ['ffn_down', [hidden, width]],
    ]
    for (const [name, dimensions] of block) {
      shapes.push({ name: `blk.${layer}.${name}.weight`, dimensions })
    }
  }
  shapes.push({ name: 'output_norm.weight', dimensions: [width] })
  return shapes
}

function integer(header: GgufHeader, key: string, max: number, fallback?: number): number {
  const value = header.metadata.get(key) ?? fallback
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max) {
    throw new GgufError('incomplete_model', `${key} is missing or not between 1 and ${max}`)
  }
  return value
}

function positive(header: GgufHeader, key: string, fallback?: number): number {
  const value = header.metadata.get(key) ?? fallback
  if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value)) {
    throw new GgufError('incomplete_model', `${key} is missing or not a positive number`)
  }
  return value
}
