import { kvWidth, queryWidth, type LlamaConfig } from '../llama-config.ts'
import { rotaryTable } from '../vector-math.ts'
import type { Segment } from './batch.ts'
import { matrix, transposed, type Floats, type Kernel, type Matrix } from './kernel.ts'

/** What attention needs of its surroundings, allocated once and shared by all layers. */
export type AttentionContext = {
  readonly kernel: Kernel
  readonly config: LlamaConfig
  readonly rotations: ReturnType<typeof rotaryTable>
  /** Gradient of one head's square of scores. */
  readonly scoreGradient: Floats
}

/** Queries, keys and values of one layer, and the attention weights kept for the way back. */
export type AttentionState = {
  readonly query: Floats
  readonly key: Floats
  readonly value: Floats
  readonly weights: Floats
}

export type AttentionGradients = {
  readonly query: Floats
  readonly key: Floats
  readonly value: Floats
}

export function newAttentionContext(
  kernel: Kernel,
  config: LlamaConfig,
  batchTokens: number,
): AttentionContext {
  return {
    kernel,
    config,
    rotations: rotaryTable(config.ropeBase, config.headWidth, batchTokens),
    scoreGradient: kernel.floats(batchTokens * batchTokens),
  }
}

/**
 * Causal grouped-query attention inside each segment. Rotates queries and keys in place, then
 * writes the attended values to `out`.
 */
export function attention(
  context: AttentionContext,
  segments: readonly Segment[],
  state: AttentionState,
  out: Floats,
): void {
  const { kernel, config } = context
  const size = config.headWidth
  rotate(context, state.query, segments, 1)
  rotate(context, state.key, segments, 1)
  for (const { square, n, query, key, value, attended } of headViews(
    config,
    segments,
    state,
    out,
  )) {
    const weights = matrix(state.weights, n, square)
    const alpha = 1 / Math.sqrt(size)
    kernel.multiply({ m: n, n, k: size }, query, transposed(key), weights, { alpha })
    kernel.causalSoftmax(weights, n)
    kernel.multiply({ m: n, n: size, k: n }, weights, value, attended)
  }
}

/** From the gradient of attention's output: those of query, key and value (all overwritten). */
export function attentionBackward(
  context: AttentionContext,
  segments: readonly Segment[],
  state: AttentionState,
  outGradient: Floats,
  gradients: AttentionGradients,
): void {
  const { kernel, config } = context
  const size = config.headWidth
  const alpha = 1 / Math.sqrt(size)
  gradients.key.fill(0)
  gradients.value.fill(0)
  const forward = headViews(config, segments, state, outGradient)
  const backward = headViews(config, segments, gradients, outGradient)
  for (const [i, { square, n, query, key, value, attended }] of forward.entries()) {
    const into = backward[i]!
    const weights = matrix(state.weights, n, square)
    const scores = matrix(context.scoreGradient, n)
    kernel.multiply({ m: n, n, k: size }, attended, transposed(value), scores)
    kernel.causalSoftmaxBackward(weights, scores, n)
    kernel.multiply({ m: n, n: size, k: n }, scores, key, into.query, { alpha })
    const accumulate = true
    kernel.multiply({ m: n, n: size, k: n }, transposed(scores), query, into.key, {
      alpha,
      accumulate,
    })
    kernel.multiply({ m: n, n: size, k: n }, transposed(weights), attended, into.value, {
      accumulate,
    })
  }
  rotate(context, gradients.query, segments, -1)
  rotate(context, gradients.key, segments, -1)
}

/** One head within one segment: where its rows lie in each array. */
type HeadView = {
  /** Where its square of attention weights begins. */
  readonly square: number
  readonly n: number
  readonly query: Matrix
  readonly key: Matrix
  readonly value: Matrix
  readonly attended: Matrix
}

function headViews(
  config: LlamaConfig,
  segments: readonly Segment[],
  { query, key, value }: AttentionGradients,
  attended: Floats,
): HeadView[] {
  const size = config.headWidth
  const qStride = queryWidth(config)
  const kvStride = kvWidth(config)
  const headsPerKv = config.heads / config.kvHeads
  const views: HeadView[] = []
  let square = 0
  for (const { start, length: n } of segments) {
    for (let head = 0; head < config.heads; head++) {
      const at = start * qStride + head * size
      const kvAt = start * kvStride + Math.floor(head / headsPerKv) * size
      views.push({
        square,
        n,
        query: matrix(query, qStride, at),
        key: matrix(key, kvStride, kvAt),
        value: matrix(value, kvStride, kvAt),
        attended: matrix(attended, qStride, at),
      })
      square += n * n
    }
  }
  return views
}

/** Rotates pairs (2i, 2i+1) of every head by its position in the segment; -1 rotates back. */
function rotate(
  { config, rotations }: AttentionContext,
  vectors: Floats,
  segments: readonly Segment[],
  direction: 1 | -1,
): void {
  const size = config.headWidth
  const pairs = size / 2
  const last = segments.at(-1)!
  const width = vectors.length / (last.start + last.length)
  for (const { start, length } of segments) {
    for (let position = 0; position < length; position++) {
      const row = (start + position) * width
      for (let i = 0; i < width; i += 2) {
        const angle = position * pairs + (i % size) / 2
        const c = rotations.cos[angle]!
        const s = direction * rotations.sin[angle]!
        const a = vectors[row + i]!
        const b = vectors[row + i + 1]!
        vectors[row + i] = a * c - b * s
        vectors[row + i + 1] = a * s + b * c
      }
    }
  }
}
