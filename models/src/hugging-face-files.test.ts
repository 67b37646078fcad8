import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BYTE_TO_CHAR } from './byte-alphabet.ts'
import { DEMO_WEIGHTS } from './demo-weights.ts'
import { readGgufHeader } from './gguf-reader.ts'
import { writeGguf, type MetadataEntry, type WritableTensor } from './gguf-writer.ts'
import { huggingFaceFiles } from './hugging-face-files.ts'
import { llamaTensorShapes, type LlamaConfig } from './llama-config.ts'
import { mulberry32 } from './prng.ts'
import { decodeTensor } from './tensor-codec.ts'

const SHIPPED = readFileSync(DEMO_WEIGHTS)
/** Of the shipped model's `model.safetensors`: the weights that a spec names. */
const SHIPPED_SHA256 = 'b8e97a77e0f2039a17645d067c04d055f9a7b4067baa2418c16f2534d23a1e3f'

/** With heads that are wider than width / heads, and an output of its own. */
const ODD: LlamaConfig = {
  contextLength: 16,
  vocabSize: 257,
  width: 16,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headWidth: 12,
  hidden: 20,
  ropeBase: 50_000,
  rmsEpsilon: 0.25,
}

describe('a GGUF as a folder for vLLM', () => {
  it.each([
    ['the shipped one', SHIPPED, { heads: 4, kvHeads: 2 }],
    ['one of other shapes', oddGguf(), ODD],
  ])('has the same weights: %s', (_, gguf, { heads, kvHeads }) => {
    const tensors = readSafetensors(fileOf(gguf, 'model.safetensors'))
    const header = readGgufHeader(gguf)
    expect(tensors.size).toBe(header.tensors.size)
    for (const [name, { dimensions }] of header.tensors) {
      const { shape, values } = tensors.get(nameIn(name))!
      expect(shape).toEqual(dimensions.toReversed())
      const headsOf = name.includes('attn_q') ? heads : name.includes('attn_k') ? kvHeads : 0
      const back = headsOf === 0 ? values : halvesToPairs(values, headsOf, dimensions[0]!)
      expect(back).toEqual(decodeTensor(gguf, header, name))
    }
  })

  it('is the same bytes each time and everywhere', () => {
    const hash = createHash('sha256').update(fileOf(SHIPPED, 'model.safetensors'))
    expect(hash.digest('hex')).toBe(SHIPPED_SHA256)
  })

  it('has the same shape, and says whether the embedding is the output too', () => {
    expect(jsonOf(oddGguf(), 'config.json')).toMatchObject({
      hidden_size: 16,
      intermediate_size: 20,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 12,
      vocab_size: 257,
      max_position_embeddings: 16,
      rope_theta: 50_000,
      rms_norm_eps: 0.25,
      tie_word_embeddings: false,
    })
    expect(jsonOf(SHIPPED, 'config.json')).toMatchObject({ tie_word_embeddings: true })
  })

  it('has the same tokens, rules, template and endings', () => {
    const { added_tokens, model } = jsonOf(SHIPPED, 'tokenizer.json') as unknown as TokenizerFile
    const { metadata } = readGgufHeader(SHIPPED)
    const tokens = listOf(metadata.get('tokenizer.ggml.tokens'))
    expect(Object.keys(model.vocab)).toHaveLength(tokens.length)
    expect(tokens.map((token) => model.vocab[token])).toEqual([...tokens.keys()])
    expect(model.merges.map((pair) => pair.join(' '))).toEqual(
      listOf(metadata.get('tokenizer.ggml.merges')),
    )
    expect(added_tokens.map(({ id, content }) => [id, content])).toEqual(
      [1020, 1021, 1022, 1023].map((id) => [id, tokens[id]]),
    )
    expect(jsonOf(SHIPPED, 'tokenizer_config.json')).toMatchObject({
      chat_template: metadata.get('tokenizer.chat_template'),
      bos_token: '<|endoftext|>',
      eos_token: '<|im_end|>',
    })
    expect(jsonOf(SHIPPED, 'generation_config.json')).toEqual({
      bos_token_id: 1020,
      eos_token_id: [1022, 1020],
    })
  })
})

interface TokenizerFile {
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[]
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>
    readonly merges: readonly (readonly string[])[]
  }
}

const fileOf = (gguf: Uint8Array, name: string): Uint8Array => huggingFaceFiles(gguf).get(name)!

const jsonOf = (gguf: Uint8Array, name: string): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(fileOf(gguf, name))) as Record<string, unknown>

const listOf = (value: unknown): string[] => (value as { items: string[] }).items

function nameIn(name: string): string {
  const inLayer: Record<string, string> = {
    attn_norm: 'input_layernorm',
    attn_q: 'self_attn.q_proj',
    attn_k: 'self_attn.k_proj',
    attn_v: 'self_attn.v_proj',
    attn_output: 'self_attn.o_proj',
    ffn_norm: 'post_attention_layernorm',
    ffn_gate: 'mlp.gate_proj',
    ffn_up: 'mlp.up_proj',
    ffn_down: 'mlp.down_proj',
  }
  return name
    .replace(/^blk\.(\d+)\.(\w+)/, (_, i, part) => `model.layers.${i}.${inLayer[String(part)]}`)
    .replace('token_embd', 'model.embed_tokens')
    .replace('output_norm', 'model.norm')
    .replace(/^output\./, 'lm_head.')
}

/** What llama.cpp's converter does: `reshape(heads, 2, half, width).swapaxes(1, 2)`. */
function halvesToPairs(values: Float32Array, heads: number, width: number): Float32Array {
  const half = values.length / width / heads / 2
  const out = new Float32Array(values.length)
  let at = 0
  for (let head = 0; head < heads; head++)
    for (let pair = 0; pair < half; pair++)
      for (let side = 0; side < 2; side++)
        for (let i = 0; i < width; i++)
          out[at++] = values[((head * 2 + side) * half + pair) * width + i]!
  return out
}

/** By the format's own description: a u64, that many bytes of JSON, the data. */
function readSafetensors(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = 8 + Number(view.getBigUint64(0, true))
  expect(start % 8).toBe(0)
  const { __metadata__, ...entries } = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, start)),
  ) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  expect(__metadata__).toEqual({ format: 'pt' })
  let last = 0
  const tensors = Object.entries(entries).map(([name, { dtype, shape, data_offsets }]) => {
    const [begin, end] = data_offsets
    expect({ dtype, begin }).toEqual({ dtype: 'F32', begin: last })
    expect(end - begin).toBe(4 * shape.reduce((a, b) => a * b, 1))
    last = end
    const values = new Float32Array(bytes.slice(start + begin, start + end).buffer)
    return [name, { shape, values }] as const
  })
  expect(start + last).toBe(bytes.byteLength)
  return new Map(tensors)
}

function oddGguf(): Uint8Array {
  const random = mulberry32(5)
  const output = { name: 'output.weight', dimensions: [ODD.width, ODD.vocabSize] }
  const number = (key: string, value: number): MetadataEntry => ({ key, type: 'u32', value })
  const real = (key: string, value: number): MetadataEntry => ({ key, type: 'f32', value })
  const metadata: MetadataEntry[] = [
    { key: 'general.architecture', type: 'string', value: 'llama' },
    number('llama.context_length', ODD.contextLength),
    number('llama.embedding_length', ODD.width),
    number('llama.block_count', ODD.layers),
    number('llama.feed_forward_length', ODD.hidden),
    number('llama.attention.head_count', ODD.heads),
    number('llama.attention.head_count_kv', ODD.kvHeads),
    number('llama.attention.key_length', ODD.headWidth),
    real('llama.attention.layer_norm_rms_epsilon', ODD.rmsEpsilon),
    real('llama.rope.freq_base', ODD.ropeBase),
    { key: 'tokenizer.ggml.model', type: 'string', value: 'gpt2' },
    { key: 'tokenizer.ggml.tokens', type: 'strings', value: [...BYTE_TO_CHAR, '<|im_end|>'] },
    { key: 'tokenizer.ggml.merges', type: 'strings', value: [] },
    number('tokenizer.ggml.eos_token_id', 256),
  ]
  const tensors = [...llamaTensorShapes(ODD), output].map(
    ({ name, dimensions }): WritableTensor => ({
      name,
      dimensions,
      type: 'F32',
      values: Float32Array.from({ length: dimensions.reduce((a, b) => a * b, 1) }, random),
    }),
  )
  return writeGguf(metadata, tensors)
}
