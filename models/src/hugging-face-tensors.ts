import type { GgufHeader } from './gguf-format.ts'
import { llamaTensorShapes, type LlamaConfig } from './llama-config.ts'
import type { SafeTensor } from './safetensors.ts'
import { decodeTensor } from './tensor-codec.ts'

/** What transformers calls the parts of a layer, by what llama.cpp calls them. */
const LAYER_PARTS: ReadonlyMap<string, string> = new Map([
  ['attn_norm', 'input_layernorm'],
  ['attn_q', 'self_attn.q_proj'],
  ['attn_k', 'self_attn.k_proj'],
  ['attn_v', 'self_attn.v_proj'],
  ['attn_output', 'self_attn.o_proj'],
  ['ffn_norm', 'post_attention_layernorm'],
  ['ffn_gate', 'mlp.gate_proj'],
  ['ffn_up', 'mlp.up_proj'],
  ['ffn_down', 'mlp.down_proj'],
])
const OTHER_PARTS: ReadonlyMap<string, string> = new Map([
  ['token_embd.weight', 'model.embed_tokens.weight'],
  ['output_norm.weight', 'model.norm.weight'],
  ['output.weight', 'lm_head.weight'],
])

/**
 * The weights of a whole llama GGUF as transformers has them, in 32 bits and in file order.
 * @throws GgufError see {@link decodeTensor}.
 */
export function huggingFaceTensors(
  file: Uint8Array,
  header: GgufHeader,
  config: LlamaConfig,
): SafeTensor[] {
  const output = { name: 'output.weight', dimensions: [config.width, config.vocabSize] }
  const shapes = [
    ...llamaTensorShapes(config),
    ...(header.tensors.has(output.name) ? [output] : []),
  ]
  return shapes.map(({ name, dimensions }) => {
    const values = decodeTensor(file, header, name)
    const isRotated = /\.attn_[qk]\.weight$/.test(name)
    return {
      name: theirName(name),
      shape: dimensions.toReversed(),
      values: isRotated ? pairsToHalves(values, config) : values,
    }
  })
}

function theirName(name: string): string {
  const [, layer, part = ''] = name.match(/^blk\.(\d+)\.(\w+)\.weight$/) ?? []
  if (layer === undefined) return OTHER_PARTS.get(name) ?? name
  return `model.layers.${layer}.${LAYER_PARTS.get(part)}.weight`
}

/**
 * Llama.cpp rotates a head's rows in pairs (2i, 2i+1), transformers (i, i + half): puts the even rows of each
 * head in front of the odd ones.
 */
function pairsToHalves(
  values: Float32Array,
  { width, headWidth }: Pick<LlamaConfig, 'width' | 'headWidth'>,
): Float32Array {
  const half = headWidth / 2
  const moved = new Float32Array(values.length)
  for (let row = 0; row * width < values.length; row++) {
    const inHead = row % headWidth
    const from = row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1)
    moved.set(values.subarray(from * width, (from + 1) * width), row * width)
  }
  return moved
}
