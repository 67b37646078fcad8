import { beforeAll, describe, expect, it } from 'vitest'
import type { LlamaConfig } from '../llama-config.ts'
import { mulberry32 } from '../prng.ts'
import { fillBatch, type Batch } from './batch.ts'
import { learningRate, updateWeights } from './optimizer.ts'
import { TrainingModel } from './training-model.ts'

const CONFIG: LlamaConfig = {
  contextLength: 32,
  vocabSize: 24,
  width: 16,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headWidth: 4,
  hidden: 20,
  ropeBase: 10_000,
  rmsEpsilon: 1e-5,
}
const BATCH_TOKENS = 24

function randomBatch(seed: number): Batch {
  const random = mulberry32(seed)
  return fillBatch(BATCH_TOKENS, () => {
    const tokens = Array.from({ length: 5 + Math.floor(random() * 6) }, () =>
      Math.floor(random() * CONFIG.vocabSize),
    )
    return { tokens, trained: tokens.map(() => random() < 0.7) }
  })
}

async function trainBriefly(): Promise<Float32Array> {
  const model = await TrainingModel.create(CONFIG, BATCH_TOKENS, mulberry32(3))
  for (let step = 1; step <= 3; step++) {
    model.forward(randomBatch(step))
    model.backward(randomBatch(step))
    updateWeights(model, step, 0.01)
  }
  return model.parameters.get('blk.1.ffn_down.weight')!.values.slice()
}

describe('the training model', () => {
  let model: TrainingModel
  const batch = randomBatch(1)

  beforeAll(async () => {
    model = await TrainingModel.create(CONFIG, BATCH_TOKENS, mulberry32(7))
    // Away from the near-zero start, so that every path through the model carries signal.
    for (const { values } of model.parameters.values()) {
      const random = mulberry32(values.length)
      for (let i = 0; i < values.length; i++) values[i]! += 0.5 * (random() - 0.5)
    }
  })

  it('has gradients that agree with finite differences in every parameter', () => {
    model.forward(batch)
    model.backward(batch)
    for (const { name, values, gradient } of model.parameters.values()) {
      const analytic = gradient.slice()
      const largest = analytic.reduce(
        (best, value, i) => (Math.abs(value) > Math.abs(analytic[best]!) ? i : best),
        0,
      )
      const kept = values[largest]!
      const delta = 1e-3
      values[largest] = kept + delta
      const above = model.forward(batch)
      values[largest] = kept - delta
      const below = model.forward(batch)
      values[largest] = kept
      const numeric = (above - below) / (2 * delta)
      expect(Math.abs(numeric - analytic[largest]!), name).toBeLessThan(
        0.02 * Math.abs(numeric) + 3e-4,
      )
    }
  })

  it('keeps the documents of a batch apart', () => {
    const alone = randomBatch(1)
    const first = alone.segments[0]!
    const changed = alone.tokens.slice()
    for (let i = first.length; i < changed.length; i++) changed[i] = 0
    const onlyFirst = (of: Batch): Batch => {
      const count = of.rows.filter((row) => row < first.length).length
      return { ...of, rows: of.rows.slice(0, count), targets: of.targets.slice(0, count) }
    }
    const loss = model.forward(onlyFirst(alone))
    expect(model.forward(onlyFirst({ ...alone, tokens: changed }))).toBe(loss)
  })

  it('learns a batch by heart', () => {
    const before = model.forward(batch)
    for (let step = 1; step <= 60; step++) {
      model.forward(batch)
      model.backward(batch)
      updateWeights(model, step, learningRate(step, 60, 0.02, 5))
    }
    expect(model.forward(batch)).toBeLessThan(before / 10)
  })

  it('computes the same weights from the same seed, bit for bit', async () => {
    expect(await trainBriefly()).toEqual(await trainBriefly())
  })
})
