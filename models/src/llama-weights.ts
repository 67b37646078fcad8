import type { GgufHeader } from './gguf-format.ts'
import type { LlamaConfig } from './llama-config.ts'
import { decodeTensor } from './tensor-codec.ts'

/** One transformer layer's weights, row-major `[out][in]`. */
export type LayerWeights = {
  readonly attentionNorm: Float32Array
  readonly query: Float32Array
  readonly key: Float32Array
  readonly value: Float32Array
  readonly attentionOutput: Float32Array
  readonly feedForwardNorm: Float32Array
  readonly gate: Float32Array
  readonly up: Float32Array
  readonly down: Float32Array
}

/** All weights of a llama model as 32-bit floats. */
export type LlamaWeights = {
  readonly embedding: Float32Array
  readonly layers: readonly LayerWeights[]
  readonly outputNorm: Float32Array
  /** The embedding again when the file ties them. */
  readonly output: Float32Array
}

/** Decodes a GGUF file's weights. @throws GgufError see {@link decodeTensor}. */
export function loadLlamaWeights(
  file: Uint8Array,
  header: GgufHeader,
  config: LlamaConfig,
): LlamaWeights {
  const read = (name: string): Float32Array => decodeTensor(file, header, `${name}.weight`)
  const embedding = read('token_embd')
  return {
    embedding,
    layers: Array.from({ length: config.layers }, (_, i) => ({
      attentionNorm: read(`blk.${i}.attn_norm`),
      query: read(`blk.${i}.attn_q`),
      key: read(`blk.${i}.attn_k`),
      value: read(`blk.${i}.attn_v`),
      attentionOutput: read(`blk.${i}.attn_output`),
      feedForwardNorm: read(`blk.${i}.ffn_norm`),
      gate: read(`blk.${i}.ffn_gate`),
      up: read(`blk.${i}.ffn_up`),
      down: read(`blk.${i}.ffn_down`),
    })),
    outputNorm: read('output_norm'),
    output: header.tensors.has('output.weight') ? read('output') : embedding,
  }
}
