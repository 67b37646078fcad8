import { kvWidth, queryWidth, type LlamaConfig } from './llama-config.ts'
import type { LayerWeights, LlamaWeights } from './llama-weights.ts'
import { addProduct, product, rmsNorm, rotaryTable, rotate, type Rotations } from './vector-math.ts'

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
    const cache = (): Float32Array[] =>
      weights.layers.map(() => new Float32Array(this.capacity * kvWidth(config)))
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
    const { heads, kvHeads, headWidth: size } = this.#config
    const { normed, query, attended, scores } = this.#scratch
    const stride = kvWidth(this.#config)
    const position = this.#length
    const keys = this.#keys[index]!
    const values = this.#values[index]!
    const key = keys.subarray(position * stride, (position + 1) * stride)
    product(query, layer.query, normed)
    product(key, layer.key, normed)
    product(values.subarray(position * stride, (position + 1) * stride), layer.value, normed)
    rotate(query, size, position, this.#rotations)
    rotate(key, size, position, this.#rotations)
    attended.fill(0)
    const headsPerKv = heads / kvHeads
    const scale = 1 / Math.sqrt(size)
    for (let head = 0; head < heads; head++) {
      const at = head * size
      const kvAt = Math.floor(head / headsPerKv) * size
      let max = Number.NEGATIVE_INFINITY
      for (let t = 0, row = kvAt; t <= position; t++, row += stride) {
        let dot = 0
        for (let i = 0; i < size; i++) dot += query[at + i]! * keys[row + i]!
        const score = dot * scale
        scores[t] = score
        if (score > max) max = score
      }
      let sum = 0
      for (let t = 0; t <= position; t++) sum += scores[t] = Math.exp(scores[t]! - max)
      for (let t = 0, row = kvAt; t <= position; t++, row += stride) {
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
    query: new Float32Array(queryWidth(config)),
    attended: new Float32Array(queryWidth(config)),
    gate: new Float32Array(config.hidden),
    up: new Float32Array(config.hidden),
    scores: new Float32Array(capacity),
    logits: new Float32Array(config.vocabSize),
  }
}

const rotationCache = new WeakMap<LlamaConfig, Rotations>()

/** The rotary table of a model, computed once per model and shared by its sequences. */
function rotationsFor(config: LlamaConfig, capacity: number): Rotations {
  const pairs = config.headWidth / 2
  const cached = rotationCache.get(config)
  if (cached && cached.cos.length >= capacity * pairs) return cached
  const rotations = rotaryTable(config.ropeBase, config.headWidth, capacity)
  rotationCache.set(config, rotations)
  return rotations
}
