import { describe, expect, it } from 'vitest'
import { checkLlamaGguf } from './gguf-check.ts'
import { writeGguf, type MetadataEntry, type WritableTensor } from './gguf-writer.ts'
import { llamaTensorShapes, type LlamaConfig } from './llama-config.ts'

const CONFIG: LlamaConfig = {
  contextLength: 64,
  vocabSize: 8,
  width: 32,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headWidth: 8,
  hidden: 48,
  ropeBase: 10_000,
  rmsEpsilon: 1e-5,
}

const METADATA: readonly MetadataEntry[] = [
  { key: 'general.architecture', type: 'string', value: 'llama' },
  { key: 'general.name', type: 'string', value: 'small' },
  { key: 'general.file_type', type: 'u32', value: 0 },
  { key: 'llama.context_length', type: 'u32', value: 64 },
  { key: 'llama.embedding_length', type: 'u32', value: 32 },
  { key: 'llama.block_count', type: 'u32', value: 2 },
  { key: 'llama.feed_forward_length', type: 'u32', value: 48 },
  { key: 'llama.attention.head_count', type: 'u32', value: 4 },
  { key: 'llama.attention.head_count_kv', type: 'u32', value: 2 },
  { key: 'llama.attention.layer_norm_rms_epsilon', type: 'f32', value: 1e-5 },
  { key: 'tokenizer.ggml.model', type: 'string', value: 'gpt2' },
  { key: 'tokenizer.ggml.tokens', type: 'strings', value: [...'abcdefgh'] },
  { key: 'tokenizer.ggml.merges', type: 'strings', value: [] },
  { key: 'tokenizer.ggml.eos_token_id', type: 'u32', value: 7 },
  { key: 'tokenizer.chat_template', type: 'string', value: '{{ messages }}' },
]

const TENSORS: readonly WritableTensor[] = llamaTensorShapes(CONFIG).map(
  ({ name, dimensions }) => ({
    name,
    dimensions,
    type: 'F32',
    values: new Float32Array(dimensions.reduce((product, size) => product * size, 1)),
  }),
)

const without = (key: string): MetadataEntry[] => METADATA.filter((entry) => entry.key !== key)
const withEntry = (entry: MetadataEntry): MetadataEntry[] => [...without(entry.key), entry]

/** Of those that every token reads, where nothing else is there. */
const bytesOf = (tensors: readonly WritableTensor[]): number =>
  tensors
    .filter(({ name }) => name !== 'output_norm.weight')
    .reduce((sum, { values }) => sum + values.byteLength, 0)

function output(width: number): WritableTensor {
  const values = new Float32Array(width * 8)
  return { name: 'output.weight', dimensions: [width, 8], type: 'F32', values }
}

function codeOf(metadata: readonly MetadataEntry[], tensors = TENSORS): string {
  try {
    checkLlamaGguf(writeGguf(metadata, tensors))
    return 'accepted'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('checking a llama model file', () => {
  it('summarises a complete one', () => {
    const file = writeGguf(METADATA, TENSORS)
    expect(checkLlamaGguf(file)).toEqual({
      architecture: 'llama',
      name: 'small',
      contextLength: 64,
      parameters: TENSORS.reduce((sum, { values }) => sum + values.length, 0),
      quantization: 'F32',
      vocabSize: 8,
      chatTemplate: '{{ messages }}',
      eosToken: 7,
      fileBytes: file.byteLength,
      tokenBytes: bytesOf(TENSORS),
    })
  })

  it('knows what every token reads: blocks and output, and no expert for certain', () => {
    const values = new Float32Array(32)
    const more = (name: string): WritableTensor => ({ name, dimensions: [32], type: 'F32', values })
    const experts = ['blk.1.ffn_up_exps.weight', 'blk.0.nextn.eh_proj.weight'].map(more)
    const tensors = [...TENSORS, ...experts, more('v.blk.0.attn_q.weight')]
    const summaryOf = (entries: MetadataEntry[], all: readonly WritableTensor[]) =>
      checkLlamaGguf(writeGguf(entries, all)).tokenBytes
    const other = withEntry({ key: 'general.architecture', type: 'string', value: 'moe' }).map(
      (entry) => ({ ...entry, key: entry.key.replace(/^llama\./, 'moe.') }),
    )
    expect(summaryOf(other, tensors)).toBe(bytesOf(TENSORS))
    const untied = [...tensors, output(1)]
    const embedding = TENSORS.filter(({ name }) => name === 'token_embd.weight')
    expect(summaryOf(other, untied)).toBe(bytesOf(TENSORS) - bytesOf(embedding) + 32)
    const ahead = { key: 'moe.nextn_predict_layers', type: 'u32', value: 1 } as const
    const last = TENSORS.filter(({ name }) => name.startsWith('blk.1.'))
    expect(summaryOf([...other, ahead], tensors)).toBe(bytesOf(TENSORS) - bytesOf(last))
  })

  it.each([
    'general.architecture',
    'llama.context_length',
    'llama.embedding_length',
    'llama.block_count',
    'llama.feed_forward_length',
    'llama.attention.head_count',
    'llama.attention.layer_norm_rms_epsilon',
    'tokenizer.ggml.model',
    'tokenizer.ggml.tokens',
    'tokenizer.ggml.merges',
  ])('refuses one without %s', (key) => {
    expect(codeOf(without(key))).toBe('incomplete_model')
  })

  it.each(TENSORS.map(({ name }) => name))('refuses one without %s', (name) => {
    const rest = TENSORS.filter((tensor) => tensor.name !== name)
    expect(codeOf(METADATA, rest)).toBe('incomplete_model')
  })

  it.each<[string, MetadataEntry]>([
    [
      'heads that do not divide the width',
      { key: 'llama.attention.head_count', type: 'u32', value: 5 },
    ],
    ['more key heads than heads', { key: 'llama.attention.head_count_kv', type: 'u32', value: 8 }],
    ['no layers', { key: 'llama.block_count', type: 'u32', value: 0 }],
    ['a million layers', { key: 'llama.block_count', type: 'u32', value: 1e6 }],
    ['a count that is text', { key: 'llama.block_count', type: 'string', value: '2' }],
    ['another width', { key: 'llama.embedding_length', type: 'u32', value: 64 }],
    ['another vocabulary', { key: 'tokenizer.ggml.tokens', type: 'strings', value: [...'abc'] }],
    ['an end token outside it', { key: 'tokenizer.ggml.eos_token_id', type: 'u32', value: 8 }],
    [
      'token types that do not cover it',
      { key: 'tokenizer.ggml.token_type', type: 'i32s', value: [1] },
    ],
    [
      'tokens that are numbers',
      { key: 'tokenizer.ggml.tokens', type: 'i32s', value: [1, 2, 3, 4, 5, 6, 7, 8] },
    ],
    ['merges that are numbers', { key: 'tokenizer.ggml.merges', type: 'i32s', value: [1] }],
    [
      'token types that are text',
      { key: 'tokenizer.ggml.token_type', type: 'strings', value: [...'abcdefgh'] },
    ],
    ['no epsilon', { key: 'llama.attention.layer_norm_rms_epsilon', type: 'f32', value: 0 }],
  ])('refuses one with %s', (_what, entry) => {
    expect(codeOf(withEntry(entry))).toBe('incomplete_model')
  })

  it('refuses an output layer of the wrong shape and takes one of the right shape', () => {
    expect(codeOf(METADATA, [...TENSORS, output(31)])).toBe('incomplete_model')
    expect(codeOf(METADATA, [...TENSORS, output(32)])).toBe('accepted')
  })

  it('refuses norms that are not F32', () => {
    const norms = TENSORS.map((tensor) =>
      tensor.name === 'output_norm.weight' ? { ...tensor, type: 'F16' as const } : tensor,
    )
    expect(codeOf(METADATA, norms)).toBe('incomplete_model')
  })

  it('refuses a file that ends early, unless told its true size', () => {
    const file = writeGguf(METADATA, TENSORS)
    const front = file.subarray(0, file.byteLength - 32)
    expect(() => checkLlamaGguf(front)).toThrow(expect.objectContaining({ code: 'truncated' }))
    expect(checkLlamaGguf(front, { fileBytes: file.byteLength }).name).toBe('small')
  })

  it('refuses more parameters than asked for', () => {
    const file = writeGguf(METADATA, TENSORS)
    expect(() => checkLlamaGguf(file, { maxParameters: 100 })).toThrow(
      expect.objectContaining({ code: 'limit_exceeded' }),
    )
  })

  it('checks other architectures only for what all models need', () => {
    const other = [
      ...withEntry({ key: 'general.architecture', type: 'string', value: 'qwen3' }),
      { key: 'qwen3.context_length', type: 'u32' as const, value: 32 },
    ]
    expect(codeOf(other, [])).toBe('accepted')
    expect(
      codeOf(withEntry({ key: 'general.architecture', type: 'string', value: 'qwen3' }), []),
    ).toBe('incomplete_model')
  })

  it('names the commonest encoding when the file does not say', () => {
    const file = writeGguf(without('general.file_type'), TENSORS)
    expect(checkLlamaGguf(file).quantization).toBe('F32')
  })
})
