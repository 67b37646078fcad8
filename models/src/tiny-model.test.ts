import { describe, expect, it } from 'vitest'
import { BYTE_TO_CHAR } from './byte-alphabet.ts'
import { writeGguf, type MetadataEntry, type WritableTensor } from './gguf-writer.ts'
import { llamaTensorShapes, type LlamaConfig } from './llama-config.ts'
import { loadTinyModel } from './tiny-model.ts'

const CONFIG: LlamaConfig = {
  contextLength: 16,
  vocabSize: 257,
  width: 16,
  layers: 1,
  heads: 2,
  kvHeads: 1,
  // Wider than width / heads, as in some published models.
  headWidth: 12,
  hidden: 16,
  ropeBase: 10_000,
  rmsEpsilon: 1e-5,
}
const METADATA: readonly MetadataEntry[] = [
  { key: 'general.architecture', type: 'string', value: 'llama' },
  { key: 'llama.context_length', type: 'u32', value: 16 },
  { key: 'llama.embedding_length', type: 'u32', value: 16 },
  { key: 'llama.block_count', type: 'u32', value: 1 },
  { key: 'llama.feed_forward_length', type: 'u32', value: 16 },
  { key: 'llama.attention.head_count', type: 'u32', value: 2 },
  { key: 'llama.attention.head_count_kv', type: 'u32', value: 1 },
  { key: 'llama.attention.key_length', type: 'u32', value: 12 },
  { key: 'llama.attention.layer_norm_rms_epsilon', type: 'f32', value: 1e-5 },
  { key: 'tokenizer.ggml.model', type: 'string', value: 'gpt2' },
  { key: 'tokenizer.ggml.tokens', type: 'strings', value: [...BYTE_TO_CHAR, '<|im_end|>'] },
  { key: 'tokenizer.ggml.merges', type: 'strings', value: [] },
  { key: 'tokenizer.ggml.eos_token_id', type: 'u32', value: 256 },
]
const TENSORS: readonly WritableTensor[] = llamaTensorShapes(CONFIG).map(
  ({ name, dimensions }) => ({
    name,
    dimensions,
    type: 'F32',
    values: new Float32Array(dimensions.reduce((a, b) => a * b, 1)).fill(0.1),
  }),
)
const BIAS: WritableTensor = {
  name: 'blk.0.attn_q.bias',
  dimensions: [16],
  type: 'F32',
  values: new Float32Array(16),
}

describe('loading a small model', () => {
  it('gives all that is needed to generate', () => {
    const model = loadTinyModel(writeGguf(METADATA, TENSORS))
    expect(model.config).toEqual({ ...CONFIG, rmsEpsilon: Math.fround(1e-5) })
    expect([...model.endTokens]).toEqual([256])
    const logits = model.newSequence().prefill(model.tokenizer.encode('hub'))
    expect(logits.length).toBe(257)
    expect(logits.every(Number.isFinite)).toBe(true)
  })

  it('says so when there is no chat template', () => {
    const model = loadTinyModel(writeGguf(METADATA, TENSORS))
    expect(() => model.renderChat({ messages: [] })).toThrow(
      expect.objectContaining({ code: 'chat_template_failed' }),
    )
  })

  it.each<[string, readonly MetadataEntry[], readonly WritableTensor[]]>([
    ['biases', METADATA, [...TENSORS, BIAS]],
    [
      'scaled rotations',
      [...METADATA, { key: 'llama.rope.scaling.type', type: 'string', value: 'linear' }],
      TENSORS,
    ],
    [
      'partial rotations',
      [...METADATA, { key: 'llama.rope.dimension_count', type: 'u32', value: 4 }],
      TENSORS,
    ],
  ])('refuses a model with %s rather than compute it wrongly', (_what, metadata, tensors) => {
    expect(() => loadTinyModel(writeGguf(metadata, tensors))).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    )
  })
})
