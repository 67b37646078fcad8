import { kvWidth, queryWidth, type LlamaConfig } from '../llama-config.ts'
import type { Random } from '../prng.ts'
import {
  attention,
  attentionBackward,
  newAttentionContext,
  type AttentionContext,
  type AttentionState,
} from './attention.ts'
import type { Batch } from './batch.ts'
import { Kernel, type Floats } from './kernel.ts'
import { linear, linearBackward } from './linear.ts'
import { newParameters, parameter, type Parameter, type Parameters } from './parameters.ts'
import { rmsNorm, rmsNormBackward } from './rms-norm.ts'

/** One layer's weights and, for a batch, everything its backward pass needs again. */
type Layer = AttentionState & {
  readonly attentionNorm: Parameter
  readonly queryWeight: Parameter
  readonly keyWeight: Parameter
  readonly valueWeight: Parameter
  readonly outputWeight: Parameter
  readonly feedForwardNorm: Parameter
  readonly gateWeight: Parameter
  readonly upWeight: Parameter
  readonly downWeight: Parameter
  readonly input: Floats
  readonly inputInverse: Floats
  readonly normed: Floats
  readonly attended: Floats
  readonly middle: Floats
  readonly middleInverse: Floats
  readonly middleNormed: Floats
  readonly gate: Floats
  readonly up: Floats
  readonly hidden: Floats
}

/**
 * A llama model under training: forward and backward pass over batches of a fixed number of
 * tokens, all arrays allocated once. The output layer shares the embedding's weights.
 */
export class TrainingModel {
  readonly config: LlamaConfig
  readonly batchTokens: number
  readonly kernel: Kernel
  readonly parameters: Parameters
  readonly #attention: AttentionContext
  readonly #layers: readonly Layer[]
  readonly #embedding: Parameter
  readonly #outputNorm: Parameter
  readonly #final: Floats
  readonly #finalInverse: Floats
  readonly #finalNormed: Floats
  readonly #picked: Floats
  readonly #pickedGradient: Floats
  readonly #logits: Floats
  readonly #targets: Int32Array
  readonly #likelihood: Floats
  readonly #gradients: ReturnType<typeof newGradients>

  private constructor(kernel: Kernel, config: LlamaConfig, batchTokens: number, random: Random) {
    this.config = config
    this.batchTokens = batchTokens
    this.kernel = kernel
    this.parameters = newParameters(kernel, config, random)
    this.#attention = newAttentionContext(kernel, config, batchTokens)
    this.#layers = Array.from({ length: config.layers }, (_, i) =>
      newLayer(kernel, config, batchTokens, this.parameters, i),
    )
    this.#embedding = parameter(this.parameters, 'token_embd.weight')
    this.#outputNorm = parameter(this.parameters, 'output_norm.weight')
    this.#final = kernel.floats(batchTokens * config.width)
    this.#finalInverse = kernel.floats(batchTokens)
    this.#finalNormed = kernel.floats(batchTokens * config.width)
    this.#picked = kernel.floats(batchTokens * config.width)
    this.#pickedGradient = kernel.floats(batchTokens * config.width)
    this.#logits = kernel.floats(batchTokens * config.vocabSize)
    this.#targets = kernel.ints(batchTokens)
    this.#likelihood = kernel.floats(batchTokens)
    this.#gradients = newGradients(kernel, config, batchTokens)
  }

  /** Compiles the kernel and initialises the weights from `random`. */
  static async create(
    config: LlamaConfig,
    batchTokens: number,
    random: Random,
  ): Promise<TrainingModel> {
    const longest = Math.max(config.vocabSize, config.hidden, batchTokens)
    const kernel = await Kernel.start(memoryBytes(config, batchTokens), longest * (longest + 16))
    return new TrainingModel(kernel, config, batchTokens, random)
  }

  /** Mean cross-entropy in nats of the batch's targets. Leaves the state {@link backward} needs. */
  forward(batch: Batch): number {
    const { width, rmsEpsilon } = this.config
    const tokens = this.batchTokens
    const first = this.#layers[0]?.input ?? this.#final
    for (const [i, token] of batch.tokens.entries()) {
      first.set(this.#embedding.values.subarray(token * width, (token + 1) * width), i * width)
    }
    for (const [i, layer] of this.#layers.entries()) {
      this.#layerForward(batch, layer, this.#layers[i + 1]?.input ?? this.#final)
    }
    const normed = this.#finalNormed
    rmsNorm(tokens, this.#outputNorm, rmsEpsilon, this.#final, this.#finalInverse, normed)
    return this.#readOut(batch)
  }

  /** Gradients of the last {@link forward}'s loss in every parameter, replacing the old ones. */
  backward(batch: Batch): void {
    const { width } = this.config
    const tokens = this.batchTokens
    const { stream, branch } = this.#gradients
    for (const { gradient } of this.parameters.values()) gradient.fill(0)

    const rows = batch.rows.length
    linearBackward(
      this.kernel,
      rows,
      this.#embedding,
      this.#picked,
      this.#logits,
      this.#pickedGradient,
    )
    branch.fill(0)
    for (const [i, row] of batch.rows.entries()) {
      branch.set(this.#pickedGradient.subarray(i * width, (i + 1) * width), row * width)
    }
    stream.fill(0)
    rmsNormBackward(tokens, this.#outputNorm, this.#final, this.#finalInverse, branch, stream)
    for (const layer of this.#layers.toReversed()) this.#layerBackward(batch, layer)

    const gradient = this.#embedding.gradient
    for (const [i, token] of batch.tokens.entries()) {
      for (let j = 0; j < width; j++) gradient[token * width + j]! += stream[i * width + j]!
    }
  }

  #layerForward(batch: Batch, layer: Layer, output: Floats): void {
    const { kernel, batchTokens: n } = this
    const { rmsEpsilon } = this.config
    rmsNorm(n, layer.attentionNorm, rmsEpsilon, layer.input, layer.inputInverse, layer.normed)
    linear(kernel, n, layer.queryWeight, layer.normed, layer.query)
    linear(kernel, n, layer.keyWeight, layer.normed, layer.key)
    linear(kernel, n, layer.valueWeight, layer.normed, layer.value)
    attention(this.#attention, batch.segments, layer, layer.attended)
    layer.middle.set(layer.input)
    linear(kernel, n, layer.outputWeight, layer.attended, layer.middle, true)

    const { feedForwardNorm, middle, middleInverse, middleNormed } = layer
    rmsNorm(n, feedForwardNorm, rmsEpsilon, middle, middleInverse, middleNormed)
    linear(kernel, n, layer.gateWeight, middleNormed, layer.gate)
    linear(kernel, n, layer.upWeight, middleNormed, layer.up)
    kernel.swiGlu(layer.gate, layer.up, layer.hidden)
    output.set(middle)
    linear(kernel, n, layer.downWeight, layer.hidden, output, true)
  }

  /** Takes the gradient of the layer's output in `stream` to that of its input, in place. */
  #layerBackward(batch: Batch, layer: Layer): void {
    const { kernel, batchTokens: n } = this
    const { stream, branch, hidden, up, attended, query, key, value } = this.#gradients
    linearBackward(kernel, n, layer.downWeight, layer.hidden, stream, hidden)
    kernel.swiGluBackward(layer.gate, layer.up, hidden, up)
    linearBackward(kernel, n, layer.gateWeight, layer.middleNormed, hidden, branch)
    linearBackward(kernel, n, layer.upWeight, layer.middleNormed, up, branch, true)
    rmsNormBackward(n, layer.feedForwardNorm, layer.middle, layer.middleInverse, branch, stream)

    linearBackward(kernel, n, layer.outputWeight, layer.attended, stream, attended)
    attentionBackward(this.#attention, batch.segments, layer, attended, { query, key, value })
    linearBackward(kernel, n, layer.queryWeight, layer.normed, query, branch)
    linearBackward(kernel, n, layer.keyWeight, layer.normed, key, branch, true)
    linearBackward(kernel, n, layer.valueWeight, layer.normed, value, branch, true)
    rmsNormBackward(n, layer.attentionNorm, layer.input, layer.inputInverse, branch, stream)
  }

  /** The loss over the batch's target rows only; the logits become their gradient. */
  #readOut(batch: Batch): number {
    const { width } = this.config
    const rows = batch.rows.length
    for (const [i, row] of batch.rows.entries()) {
      this.#picked.set(this.#finalNormed.subarray(row * width, (row + 1) * width), i * width)
    }
    this.#targets.set(batch.targets)
    linear(this.kernel, rows, this.#embedding, this.#picked, this.#logits)
    this.kernel.crossEntropy(this.#logits, this.#targets, this.#likelihood, rows)
    let loss = 0
    for (let i = 0; i < rows; i++) loss -= Math.log(Math.max(this.#likelihood[i]!, 1e-30))
    return loss / rows
  }
}

function newLayer(
  kernel: Kernel,
  config: LlamaConfig,
  tokens: number,
  parameters: Parameters,
  index: number,
): Layer {
  const { width, hidden, heads } = config
  const weight = (name: string): Parameter => parameter(parameters, `blk.${index}.${name}.weight`)
  const rows = (columns: number): Floats => kernel.floats(tokens * columns)
  return {
    attentionNorm: weight('attn_norm'),
    queryWeight: weight('attn_q'),
    keyWeight: weight('attn_k'),
    valueWeight: weight('attn_v'),
    outputWeight: weight('attn_output'),
    feedForwardNorm: weight('ffn_norm'),
    gateWeight: weight('ffn_gate'),
    upWeight: weight('ffn_up'),
    downWeight: weight('ffn_down'),
    input: rows(width),
    inputInverse: rows(1),
    normed: rows(width),
    query: rows(queryWidth(config)),
    key: rows(kvWidth(config)),
    value: rows(kvWidth(config)),
    weights: rows(heads * tokens),
    attended: rows(queryWidth(config)),
    middle: rows(width),
    middleInverse: rows(1),
    middleNormed: rows(width),
    gate: rows(hidden),
    up: rows(hidden),
    hidden: rows(hidden),
  }
}

/** Gradients that flow between layers: one set, reused by every layer. */
function newGradients(kernel: Kernel, config: LlamaConfig, tokens: number) {
  const { width, hidden } = config
  const rows = (columns: number): Floats => kernel.floats(tokens * columns)
  return {
    /** Of the residual stream. */
    stream: rows(width),
    /** Of a normed copy of it. */
    branch: rows(width),
    attended: rows(queryWidth(config)),
    query: rows(queryWidth(config)),
    key: rows(kvWidth(config)),
    value: rows(kvWidth(config)),
    hidden: rows(hidden),
    up: rows(hidden),
  }
}

/** An upper bound on what the arrays above take, so that the memory is allocated once. */
function memoryBytes(config: LlamaConfig, tokens: number): number {
  const { hidden, layers, heads, vocabSize } = config
  const width = Math.max(config.width, queryWidth(config))
  const weights = vocabSize * width + layers * width * (4 * width + 3 * hidden + 2)
  const perToken = layers * (9 * width + 3 * hidden + heads * tokens + 2)
  const shared = 13 * width + 2 * hidden + tokens + vocabSize + 8
  const floats = 4 * weights + tokens * (perToken + shared)
  const alignment = 64 * (64 + layers * 64)
  return 4 * floats + alignment
}
