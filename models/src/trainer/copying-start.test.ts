import { expect, it } from 'vitest'
import type { LlamaConfig } from '../llama-config.ts'
import { mulberry32 } from '../prng.ts'
import { fillBatch, type Batch } from './batch.ts'
import { startCopyingHeads } from './copying-start.ts'
import { updateWeights } from './optimizer.ts'
import { TrainingModel } from './training-model.ts'

const CONFIG: LlamaConfig = {
  contextLength: 64,
  vocabSize: 64,
  width: 64,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headWidth: 32,
  hidden: 64,
  ropeBase: 10_000,
  rmsEpsilon: 1e-5,
}
const STEPS = 150

/** Random tokens, then the same again, at no fixed distance: only copying predicts them. */
function repetition(seed: number): Batch {
  const random = mulberry32(seed)
  return fillBatch(192, () => {
    const length = 4 + Math.floor(random() * 16)
    const once = Array.from({ length }, () => Math.floor(random() * CONFIG.vocabSize))
    const tokens = [...once, ...once]
    return { tokens, trained: tokens.map((_, i) => i > length) }
  })
}

async function lossAfterTraining(prepare: (model: TrainingModel) => void): Promise<number> {
  const model = await TrainingModel.create(CONFIG, 192, mulberry32(1))
  prepare(model)
  for (let step = 1; step <= STEPS; step++) {
    model.forward(repetition(step))
    model.backward(repetition(step))
    updateWeights(model, step, 2e-3)
  }
  return model.forward(repetition(STEPS + 1))
}

it('lets a small model learn to copy long before it would by itself', async () => {
  const plain = await lossAfterTraining(() => undefined)
  const started = await lossAfterTraining(({ parameters }) =>
    startCopyingHeads(parameters, CONFIG, mulberry32(2)),
  )
  expect(started).toBeLessThan(plain / 2)
})
