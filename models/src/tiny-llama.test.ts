import { beforeAll, describe, expect, it } from 'vitest'
import { readGgufHeader } from './gguf-reader.ts'
import type { LlamaConfig } from './llama-config.ts'
import { mulberry32 } from './prng.ts'
import { logprobOf } from './sampler.ts'
import { loadLlamaWeights, type LlamaWeights } from './llama-weights.ts'
import { LlamaSequence, TinyLlamaError } from './tiny-llama.ts'
import { fillBatch } from './trainer/batch.ts'
import { modelFile } from './trainer/model-file.ts'
import { TrainingModel } from './trainer/training-model.ts'

const CONFIG: LlamaConfig = {
  contextLength: 32,
  vocabSize: 40,
  width: 32,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headWidth: 8,
  hidden: 48,
  ropeBase: 10_000,
  rmsEpsilon: 1e-5,
}
const TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]

describe('llama inference in plain TypeScript', () => {
  let trained: TrainingModel
  let weights: LlamaWeights
  const sequence = (capacity?: number) => new LlamaSequence(CONFIG, weights, capacity)

  beforeAll(async () => {
    trained = await TrainingModel.create(CONFIG, TOKENS.length, mulberry32(5))
    const identity = {
      name: 'test',
      description: '',
      chatTemplate: '',
      vocabulary: { tokens: Array(40).fill(''), merges: [], controlTokens: new Set<number>() },
    }
    const file = modelFile(CONFIG, trained.parameters.values(), identity, 'F32')
    weights = loadLlamaWeights(file, readGgufHeader(file), CONFIG)
  })

  it('computes the loss the trainer computes', () => {
    const batch = fillBatch(TOKENS.length, () => ({
      tokens: TOKENS,
      trained: TOKENS.map(() => true),
    }))
    const reader = sequence()
    let loss = 0
    for (const [i, token] of TOKENS.slice(0, -1).entries()) {
      loss -= logprobOf(reader.step(token), TOKENS[i + 1]!)
    }
    expect(loss / (TOKENS.length - 1)).toBeCloseTo(trained.forward(batch), 4)
  })

  it('reads a prompt at once as it does token by token', () => {
    const slow = sequence()
    let logits = new Float32Array()
    for (const token of TOKENS) logits = slow.step(token).slice()
    expect(sequence().prefill(TOKENS)).toEqual(logits)
  })

  it('keeps sequences apart', () => {
    const alone = sequence().prefill(TOKENS).slice()
    const [one, other] = [sequence(), sequence()]
    for (const token of TOKENS.slice(0, -1)) {
      one.step(token)
      other.step(39 - token)
    }
    expect(one.step(TOKENS.at(-1)!)).toEqual(alone)
  })

  it('forgets what comes after a truncation', () => {
    const expected = sequence().prefill(TOKENS).slice()
    const reader = sequence()
    reader.prefill([...TOKENS.slice(0, 5), 30, 31, 32])
    reader.truncate(5)
    expect(reader.prefill(TOKENS.slice(5))).toEqual(expected)
    expect(reader.length).toBe(TOKENS.length)
  })

  it('holds as many tokens as it was made for, then says so', () => {
    const reader = sequence(3)
    reader.prefill([1, 2, 3])
    expect(() => reader.step(4)).toThrow(expect.objectContaining({ code: 'context_full' }))
    expect(sequence(1_000).capacity).toBe(CONFIG.contextLength)
  })

  it('refuses tokens and positions it does not have', () => {
    const reader = sequence()
    for (const token of [-1, 40, 1.5, Number.NaN]) {
      expect(() => reader.step(token)).toThrow(TinyLlamaError)
    }
    expect(() => reader.prefill([])).toThrow(expect.objectContaining({ code: 'bad_token' }))
    expect(() => reader.truncate(1)).toThrow(expect.objectContaining({ code: 'bad_position' }))
    expect(reader.length).toBe(0)
  })
})
