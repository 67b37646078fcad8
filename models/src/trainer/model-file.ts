import type { Vocabulary } from '../byte-level-bpe.ts'
import { writeGguf, type MetadataEntry, type WritableTensor } from '../gguf-writer.ts'
import type { LlamaConfig } from '../llama-config.ts'
import type { TensorType } from '../tensor-codec.ts'
import type { Parameter } from './parameters.ts'

/** A named weight in 32-bit floats. */
export type Weight = Pick<Parameter, 'name' | 'dimensions'> & { readonly values: Float32Array }

/** `general.file_type` for a tensor type. */
const FILE_TYPE: Record<TensorType, number> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, Q5_0: 8 }

/** What goes into a model file besides its weights. */
export type ModelIdentity = {
  readonly name: string
  readonly description: string
  readonly vocabulary: Vocabulary
  readonly chatTemplate: string
}

/** A GGUF file of a trained model. Norm weights stay F32, as llama.cpp wants. */
export function modelFile(
  config: LlamaConfig,
  weights: Iterable<Weight>,
  identity: ModelIdentity,
  type: TensorType,
): Uint8Array {
  const tensors = Array.from(weights, ({ name, dimensions, values }): WritableTensor => ({
    name,
    dimensions,
    type: dimensions.length === 1 ? 'F32' : type,
    values,
  }))
  return writeGguf(
    [...generalMetadata(identity, type), ...llamaMetadata(config), ...tokenizerMetadata(identity)],
    tensors,
  )
}

function generalMetadata(identity: ModelIdentity, type: TensorType): MetadataEntry[] {
  return [
    { key: 'general.architecture', type: 'string', value: 'llama' },
    { key: 'general.name', type: 'string', value: identity.name },
    { key: 'general.description', type: 'string', value: identity.description },
    { key: 'general.license', type: 'string', value: 'mit' },
    { key: 'general.file_type', type: 'u32', value: FILE_TYPE[type] },
  ]
}

function llamaMetadata(config: LlamaConfig): MetadataEntry[] {
  return [
    { key: 'llama.vocab_size', type: 'u32', value: config.vocabSize },
    { key: 'llama.context_length', type: 'u32', value: config.contextLength },
    { key: 'llama.embedding_length', type: 'u32', value: config.width },
    { key: 'llama.block_count', type: 'u32', value: config.layers },
    { key: 'llama.feed_forward_length', type: 'u32', value: config.hidden },
    { key: 'llama.attention.head_count', type: 'u32', value: config.heads },
    { key: 'llama.attention.head_count_kv', type: 'u32', value: config.kvHeads },
    { key: 'llama.attention.layer_norm_rms_epsilon', type: 'f32', value: config.rmsEpsilon },
    { key: 'llama.rope.dimension_count', type: 'u32', value: config.headWidth },
    { key: 'llama.rope.freq_base', type: 'f32', value: config.ropeBase },
  ]
}

function tokenizerMetadata({ vocabulary, chatTemplate }: ModelIdentity): MetadataEntry[] {
  const { tokens, merges, controlTokens } = vocabulary
  const id = (token: string): number => tokens.indexOf(token)
  return [
    { key: 'tokenizer.ggml.model', type: 'string', value: 'gpt2' },
    { key: 'tokenizer.ggml.pre', type: 'string', value: 'gpt-2' },
    { key: 'tokenizer.ggml.tokens', type: 'strings', value: tokens },
    {
      key: 'tokenizer.ggml.token_type',
      type: 'i32s',
      value: tokens.map((_, i) => (controlTokens.has(i) ? 3 : 1)),
    },
    { key: 'tokenizer.ggml.merges', type: 'strings', value: merges },
    { key: 'tokenizer.ggml.bos_token_id', type: 'u32', value: id('<|endoftext|>') },
    { key: 'tokenizer.ggml.eos_token_id', type: 'u32', value: id('<|im_end|>') },
    { key: 'tokenizer.ggml.padding_token_id', type: 'u32', value: id('<|pad|>') },
    { key: 'tokenizer.ggml.add_bos_token', type: 'bool', value: false },
    { key: 'tokenizer.chat_template', type: 'string', value: chatTemplate },
  ]
}
