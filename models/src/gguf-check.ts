import { GgufError, type GgufHeader, type GgufValue } from './gguf-format.ts'
import { readGgufHeader, requiredFileBytes } from './gguf-reader.ts'
import { ggufTokenBytes } from './gguf-token-bytes.ts'
import { llamaConfigFromGguf, llamaTensorShapes } from './llama-config.ts'

/** What a provider announces about a model file, and what an engine needs to know of it. */
export type GgufSummary = {
  readonly architecture: string
  readonly name: string
  readonly contextLength: number
  readonly parameters: number
  /** Such as "Q8_0" or "Q4_K_M". */
  readonly quantization: string
  readonly vocabSize: number
  readonly chatTemplate?: string
  readonly bosToken?: number
  readonly eosToken?: number
  /** The smallest size, in bytes, a file with this header can have. */
  readonly fileBytes: number
  /** See {@link ggufTokenBytes}. */
  readonly tokenBytes: number
}

export type GgufCheckOptions = {
  /** The whole file's size in bytes, when `bytes` is only its front. Default: `bytes` is all. */
  readonly fileBytes?: number
  /** Refuse models with more parameters, for engines that must hold them. */
  readonly maxParameters?: number
}

/** `general.file_type` by number; missing numbers are formats llama.cpp has removed. */
const FILE_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [7, 'Q8_0'],
  [8, 'Q5_0'],
  [9, 'Q5_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K_S'],
  [12, 'Q3_K_M'],
  [13, 'Q3_K_L'],
  [14, 'Q4_K_S'],
  [15, 'Q4_K_M'],
  [16, 'Q5_K_S'],
  [17, 'Q5_K_M'],
  [18, 'Q6_K'],
  [19, 'IQ2_XXS'],
  [20, 'IQ2_XS'],
  [21, 'Q2_K_S'],
  [22, 'IQ3_XS'],
  [23, 'IQ3_XXS'],
  [24, 'IQ1_S'],
  [25, 'IQ4_NL'],
  [26, 'IQ3_S'],
  [27, 'IQ3_M'],
  [28, 'IQ2_S'],
  [29, 'IQ2_M'],
  [30, 'IQ4_XS'],
  [31, 'IQ1_M'],
  [32, 'BF16'],
  [36, 'TQ1_0'],
  [37, 'TQ2_0'],
  [38, 'MXFP4_MOE'],
  [39, 'NVFP4'],
  [40, 'Q1_0'],
  [41, 'Q2_0'],
])

/** Encodings of indices and intermediate results: no kernel multiplies weights stored so. */
const NOT_FOR_WEIGHTS = new Set(['I8', 'I16', 'I32', 'I64', 'F64', 'Q8_1', 'Q8_K'])

/**
 * Decides whether a GGUF may be handed to llama.cpp, which aborts the whole process on some
 * malformed files. Architecture "llama" is checked key by key and tensor by tensor; of other
 * architectures the container and the keys every model needs.
 *
 * Give the whole file, or its front and `fileBytes`.
 * @throws GgufError `truncated` when the header runs past `bytes` or the data past the file;
 * other codes mean the file is unusable.
 */
export function checkLlamaGguf(bytes: Uint8Array, options: GgufCheckOptions = {}): GgufSummary {
  const header = readGgufHeader(bytes)
  const fileBytes = requiredFileBytes(header)
  if (fileBytes > (options.fileBytes ?? bytes.byteLength)) {
    throw new GgufError('truncated', `the file is shorter than the ${fileBytes} bytes it describes`)
  }
  const architecture = requiredText(header, 'general.architecture')
  const summary = summarise(header, architecture, fileBytes)
  if (summary.parameters > (options.maxParameters ?? Number.POSITIVE_INFINITY)) {
    throw new GgufError('limit_exceeded', `the model has ${summary.parameters} parameters`)
  }
  checkTokenizer(header, summary.vocabSize)
  if (architecture === 'llama') checkLlamaTensors(header)
  return summary
}

function summarise(header: GgufHeader, architecture: string, fileBytes: number): GgufSummary {
  const { metadata } = header
  const tokens = metadata.get('tokenizer.ggml.tokens')
  const chatTemplate = metadata.get('tokenizer.chat_template')
  const name = metadata.get('general.name')
  let parameters = 0
  for (const tensor of header.tensors.values()) parameters += tensor.elements
  const bosToken = tokenId(metadata.get('tokenizer.ggml.bos_token_id'))
  const eosToken = tokenId(metadata.get('tokenizer.ggml.eos_token_id'))
  return {
    architecture,
    name: typeof name === 'string' ? name : '',
    contextLength: requiredCount(header, `${architecture}.context_length`),
    parameters,
    quantization: quantization(header),
    vocabSize: typeof tokens === 'object' ? tokens.items.length : 0,
    ...(typeof chatTemplate === 'string' && { chatTemplate }),
    ...(bosToken !== undefined && { bosToken }),
    ...(eosToken !== undefined && { eosToken }),
    fileBytes,
    tokenBytes: ggufTokenBytes(header),
  }
}

/** The declared file type, or else the encoding most of the weights are in. */
function quantization(header: GgufHeader): string {
  const declared = header.metadata.get('general.file_type')
  const name = typeof declared === 'number' ? FILE_TYPES.get(declared) : undefined
  if (name) return name
  const elements = new Map<string, number>()
  for (const { encoding, elements: count } of header.tensors.values()) {
    elements.set(encoding.name, (elements.get(encoding.name) ?? 0) + count)
  }
  const [most] = [...elements].sort((a, b) => b[1] - a[1])
  return most?.[0] ?? 'unknown'
}

/** llama.cpp reads these lists without looking at their item type, or asserts on it. */
function checkTokenizer(header: GgufHeader, vocabSize: number): void {
  const model = requiredText(header, 'tokenizer.ggml.model')
  if (model === 'none' || model === 'no_vocab') return
  if (vocabSize === 0) throw new GgufError('incomplete_model', 'tokenizer.ggml.tokens is missing')
  const { metadata } = header
  if (model === 'gpt2' && metadata.get('tokenizer.ggml.merges') === undefined) {
    throw new GgufError('incomplete_model', 'tokenizer.ggml.merges is missing')
  }
  for (const [key, itemType, length] of [
    ['tokens', 'string', vocabSize],
    ['merges', 'string', undefined],
    ['token_type', 'i32', vocabSize],
    ['scores', 'f32', vocabSize],
  ] as const) {
    const value = metadata.get(`tokenizer.ggml.${key}`)
    if (value === undefined) continue
    const isList = typeof value === 'object' && value.itemType === itemType
    if (!isList || value.items.length !== (length ?? value.items.length)) {
      throw new GgufError('incomplete_model', `tokenizer.ggml.${key} is not a fitting list`)
    }
  }
  for (const key of ['bos', 'eos', 'padding', 'unknown']) {
    const id = tokenId(metadata.get(`tokenizer.ggml.${key}_token_id`))
    if (id !== undefined && id >= vocabSize) {
      throw new GgufError('incomplete_model', `the ${key} token ${id} is not in the vocabulary`)
    }
  }
}

function checkLlamaTensors(header: GgufHeader): void {
  const config = llamaConfigFromGguf(header)
  const output = { name: 'output.weight', dimensions: [config.width, config.vocabSize] }
  const shapes = llamaTensorShapes(config)
  if (header.tensors.has(output.name)) shapes.push(output)
  // Mixture-of-experts files of this architecture replace the feed-forward tensors by expert ones.
  const experts = header.metadata.get('llama.expert_count')
  const hasExperts = typeof experts === 'number' && experts > 0
  for (const { name, dimensions } of shapes) {
    if (hasExperts && /ffn_(gate|up|down)/.test(name)) continue
    const tensor = header.tensors.get(name)
    const found = tensor?.dimensions.join('×')
    if (!tensor || found !== dimensions.join('×')) {
      throw new GgufError(
        'incomplete_model',
        `${name} is ${found ?? 'missing'}; it must be ${dimensions.join('×')}`,
      )
    }
    const encoding = tensor.encoding.name
    if (dimensions.length === 1 ? encoding !== 'F32' : NOT_FOR_WEIGHTS.has(encoding)) {
      throw new GgufError('incomplete_model', `${name} cannot be stored as ${encoding}`)
    }
  }
}

function requiredText(header: GgufHeader, key: string): string {
  const value = header.metadata.get(key)
  if (typeof value !== 'string' || value === '') {
    throw new GgufError('incomplete_model', `${key} is missing`)
  }
  return value
}

function requiredCount(header: GgufHeader, key: string): number {
  const value = header.metadata.get(key)
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    throw new GgufError('incomplete_model', `${key} is missing or not a positive whole number`)
  }
  return value
}

function tokenId(value: GgufValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined
}
