import type { GgufHeader } from './gguf-format.ts'
import { headWidth, type LlamaConfig } from './llama-config.ts'
import { decodeTensor } from './tensor-codec.ts'

/** One transformer layer's weights, row-major `[out][in]`. */
type LayerWeights = {
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

export type TinyLlamaErrorCode = 'context_full' | 'bad_token' | 'bad_position'

/** A sequence was asked for something it cannot do; its state is unchanged. */
export class TinyLlamaError extends Error {
  override readonly name = 'TinyLlamaError'
  readonly code: TinyLlamaErrorCode

  constructor(code: TinyLlamaErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Decodes a GGUF file's weights (F32, F16, Q8_0). @throws GgufError see {@link decodeTensor}. */
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

/**
 * One conversation's state: the key/value cache of the tokens read so far. Sequences of a model
 * share its weights and nothing else. Plain arithmetic, no I/O, no timers: runs in Node, workerd
 * and browsers alike.
 */
export class LlamaSequence {
  readonly capacity: number
  readonly #config: LlamaConfig
  readonly #weights: LlamaWeights
  readonly #keys: readonly Float32Array[]
  readonly #values: readonly Float32Array[]
  readonly #rotations: Rotations
  readonly #scratch: Scratch
  #length = 0

  /** `capacity`: most tokens this sequence may hold; memory is 8 × kv width × layers bytes each. */
  constructor(config: LlamaConfig, weights: LlamaWeights, capacity = config.contextLength) {
    this.capacity = Math.min(capacity, config.contextLength)
    this.#config = config
    this.#weights = weights
    const kvWidth = headWidth(config) * config.kvHeads
    const cache = (): Float32Array[] =>
      weights.layers.map(() => new Float32Array(this.capacity * kvWidth))
    this.#keys = cache()
    this.#values = cache()
    this.#rotations = rotationsFor(config, this.capacity)
    this.#scratch = newScratch(config, this.capacity)
  }

  /** Tokens read so far: the position of the next one. */
  get length(): number {
    return this.#length
  }

  /**
   * Reads one token and returns the logits of its successor. The array belongs to the sequence and
   * is overwritten by the next step.
   * @throws TinyLlamaError `context_full` at capacity, `bad_token` outside the vocabulary.
   */
  step(token: number): Float32Array {
    this.#advance(token)
    return this.#readOut()
  }

  /**
   * Reads several tokens and returns the logits after the last. Skips the output layer for the
   * others. @throws TinyLlamaError as {@link step}; `bad_token` for an empty list.
   */
  prefill(tokens: readonly number[]): Float32Array {
    if (tokens.length === 0) throw new TinyLlamaError('bad_token', 'there is no token to read')
    for (const token of tokens) this.#advance(token)
    return this.#readOut()
  }

  /**
   * Forgets all but the first `length` tokens, so that a prompt sharing them need not be read
   * again. @throws TinyLlamaError `bad_position` when fewer were read.
   */
  truncate(length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.#length) {
      throw new TinyLlamaError('bad_position', `cannot cut ${this.#length} tokens to ${length}`)
    }
    this.#length = length
  }

  #advance(token: number): void {
    const { width, vocabSize, rmsEpsilon } = this.#config
    const { x, normed, attended, gate, up } = this.#scratch
    if (!Number.isInteger(token) || token < 0 || token >= vocabSize) {
      throw new TinyLlamaError('bad_token', `token ${token} is not in the vocabulary`)
    }
    if (this.#length >= this.capacity) {
      throw new TinyLlamaError('context_full', `the sequence holds ${this.capacity} tokens`)
    }
    x.set(this.#weights.embedding.subarray(token * width, (token + 1) * width))
    for (const [index, layer] of this.#weights.layers.entries()) {
      rmsNorm(normed, x, layer.attentionNorm, rmsEpsilon)
      this.#attend(layer, index)
      addProduct(x, layer.attentionOutput, attended)
      rmsNorm(normed, x, layer.feedForwardNorm, rmsEpsilon)
      product(gate, layer.gate, normed)
      product(up, layer.up, normed)
      for (let i = 0; i < gate.length; i++) {
        const g = gate[i]!
        gate[i] = (g / (1 + Math.exp(-g))) * up[i]!
      }
      addProduct(x, layer.down, gate)
    }
    this.#length++
  }

  /** Grouped-query attention of the current token over the cache, into `scratch.attended`. */
  #attend(layer: LayerWeights, index: number): void {
    const { heads, kvHeads } = this.#config
    const { normed, query, attended, scores } = this.#scratch
    const size = headWidth(this.#config)
    const kvWidth = size * kvHeads
    const position = this.#length
    const keys = this.#keys[index]!
    const values = this.#values[index]!
    const key = keys.subarray(position * kvWidth, (position + 1) * kvWidth)
    product(query, layer.query, normed)
    product(key, layer.key, normed)
    product(values.subarray(position * kvWidth, (position + 1) * kvWidth), layer.value, normed)
    rotate(query, size, position, this.#rotations)
    rotate(key, size, position, this.#rotations)
    attended.fill(0)
    const headsPerKv = heads / kvHeads
    const scale = 1 / Math.sqrt(size)
    for (let head = 0; head < heads; head++) {
      const at = head * size
      const kvAt = Math.floor(head / headsPerKv) * size
      let max = Number.NEGATIVE_INFINITY
      for (let t = 0, row = kvAt; t <= position; t++, row += kvWidth) {
        let dot = 0
        for (let i = 0; i < size; i++) dot += query[at + i]! * keys[row + i]!
        const score = dot * scale
        scores[t] = score
        if (score > max) max = score
      }
      let sum = 0
      for (let t = 0; t <= position; t++) sum += scores[t] = Math.exp(scores[t]! - max)
      for (let t = 0, row = kvAt; t <= position; t++, row += kvWidth) {
        const weight = scores[t]! / sum
        for (let i = 0; i < size; i++) attended[at + i]! += weight * values[row + i]!
      }
    }
  }

  #readOut(): Float32Array {
    const { x, normed, logits } = this.#scratch
    rmsNorm(normed, x, this.#weights.outputNorm, this.#config.rmsEpsilon)
    product(logits, this.#weights.output, normed)
    return logits
  }
}

/** Working arrays of one step, allocated once. */
type Scratch = ReturnType<typeof newScratch>

function newScratch(config: LlamaConfig, capacity: number) {
  return {
    x: new Float32Array(config.width),
    normed: new Float32Array(config.width),
    query: new Float32Array(config.width),
    attended: new Float32Array(config.width),
    gate: new Float32Array(config.hidden),
    up: new Float32Array(config.hidden),
    scores: new Float32Array(capacity),
    logits: new Float32Array(config.vocabSize),
  }
}

/** Cosines and sines of every rotary angle: `[position][pair]`. */
type Rotations = { readonly cos: Float32Array; readonly sin: Float32Array }

const rotationCache = new WeakMap<LlamaConfig, Rotations>()

/** The rotary table of a model, computed once per model and shared by its sequences. */
function rotationsFor(config: LlamaConfig, capacity: number): Rotations {
  const pairs = headWidth(config) / 2
  const cached = rotationCache.get(config)
  if (cached && cached.cos.length >= capacity * pairs) return cached
  const rotations = rotaryTable(config.ropeBase, headWidth(config), capacity)
  rotationCache.set(config, rotations)
  return rotations
}

/** Rotary embedding angles for `positions` positions of heads `size` wide. */
export function rotaryTable(base: number, size: number, positions: number): Rotations {
  const pairs = size / 2
  const cos = new Float32Array(positions * pairs)
  const sin = new Float32Array(positions * pairs)
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = position * base ** ((-2 * pair) / size)
      cos[position * pairs + pair] = Math.cos(angle)
      sin[position * pairs + pair] = Math.sin(angle)
    }
  }
  return { cos, sin }
}

// The loops below run once per weight and token. Their indices are bounded by the array lengths
// they are given, so the non-null assertions state what the loop conditions already guarantee.

/** Rotates pairs (2i, 2i+1) of every head in `vector`: the interleaved form llama.cpp uses. */
function rotate(vector: Float32Array, size: number, position: number, table: Rotations): void {
  const pairs = size / 2
  for (let at = 0; at < vector.length; at += size) {
    for (let pair = 0; pair < pairs; pair++) {
      const c = table.cos[position * pairs + pair]!
      const s = table.sin[position * pairs + pair]!
      const a = vector[at + 2 * pair]!
      const b = vector[at + 2 * pair + 1]!
      vector[at + 2 * pair] = a * c - b * s
      vector[at + 2 * pair + 1] = a * s + b * c
    }
  }
}

function rmsNorm(out: Float32Array, x: Float32Array, weight: Float32Array, epsilon: number): void {
  let squares = 0
  for (let i = 0; i < x.length; i++) squares += x[i]! * x[i]!
  const scale = 1 / Math.sqrt(squares / x.length + epsilon)
  for (let i = 0; i < x.length; i++) out[i] = x[i]! * scale * weight[i]!
}

/** out = matrix · vector, the matrix `[out.length][vector.length]`. */
function product(out: Float32Array, matrix: Float32Array, vector: Float32Array): void {
  for (let row = 0; row < out.length; row++) out[row] = dotRow(matrix, row * vector.length, vector)
}

/** out += matrix · vector. */
function addProduct(out: Float32Array, matrix: Float32Array, vector: Float32Array): void {
  for (let row = 0; row < out.length; row++)
    out[row]! += dotRow(matrix, row * vector.length, vector)
}

/** Dot product with four accumulators: the additions of one need not wait for each other. */
function dotRow(matrix: Float32Array, start: number, vector: Float32Array): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  const whole = vector.length & ~3
  for (let i = 0, at = start; i < whole; i += 4, at += 4) {
    s0 += matrix[at]! * vector[i]!
    s1 += matrix[at + 1]! * vector[i + 1]!
    s2 += matrix[at + 2]! * vector[i + 2]!
    s3 += matrix[at + 3]! * vector[i + 3]!
  }
  for (let i = whole; i < vector.length; i++) s0 += matrix[start + i]! * vector[i]!
  return s0 + s1 + s2 + s3
}
