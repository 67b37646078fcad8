import { ByteLevelBpe, type Vocabulary } from '@infernet/models/byte-level-bpe'
import type { LlamaConfig } from '@infernet/models/llama-config'
import { mulberry32, type Random } from '@infernet/models/prng'
import { fillBatch, type Document } from '@infernet/models/trainer/batch'
import { trainBpe } from '@infernet/models/trainer/bpe-trainer'
import type { Weight } from '@infernet/models/trainer/model-file'
import { learningRate, updateWeights } from '@infernet/models/trainer/optimizer'
import { TrainingModel } from '@infernet/models/trainer/training-model'

/** The token that ends an answer. */
export const END_TOKEN = '<|im_end|>'
const CONTROL_TOKENS = ['<|endoftext|>', '<|im_start|>', END_TOKEN, '<|pad|>']

const SEED = 5
const BATCH_TOKENS = 768
const WINDOW_TOKENS = { least: 32, most: 256 }
const PEAK_RATE = 3e-3
const WARMUP_STEPS = 60
const REPORT_EVERY = 50
/** Share of windows that end where a paragraph does, by the token that ends an answer. */
const ENDED = 0.5

/** How one model is made. Plain JSON, as it is part of the cache's key. */
export interface TrainingPlan {
  readonly config: LlamaConfig
  readonly steps: number
}

const SHAPE = { contextLength: 512, vocabSize: 1_024, ropeBase: 10_000, rmsEpsilon: 1e-5 }

/** The model that providers promise, and the one that a cheat runs in its place. */
export const PLANS = {
  large: {
    config: { ...SHAPE, width: 128, layers: 3, heads: 4, kvHeads: 2, headWidth: 32, hidden: 320 },
    steps: 1_200,
  },
  small: {
    config: { ...SHAPE, width: 64, layers: 2, heads: 2, kvHeads: 1, headWidth: 32, hidden: 160 },
    steps: 900,
  },
} as const satisfies Record<string, TrainingPlan>

/** The pieces that both models read and write. */
export const trainVocabulary = (texts: readonly string[]): Vocabulary =>
  trainBpe(texts, CONTROL_TOKENS, SHAPE.vocabSize)

/** Trains a model to go on with texts of this kind. The same input has the same weights. */
export async function trainModel(
  { config, steps }: TrainingPlan,
  vocabulary: Vocabulary,
  texts: readonly string[],
  onStep: (text: string) => void,
): Promise<readonly Weight[]> {
  const windows = windowSource(texts, new ByteLevelBpe(vocabulary), mulberry32(SEED + 1))
  const model = await TrainingModel.create(config, BATCH_TOKENS, mulberry32(SEED))
  const started = performance.now()
  let meanLoss = 0
  for (let step = 1; step <= steps; step++) {
    const batch = fillBatch(BATCH_TOKENS, windows)
    const loss = model.forward(batch)
    model.backward(batch)
    updateWeights(model, step, learningRate(step, steps, PEAK_RATE, WARMUP_STEPS))
    meanLoss = meanLoss === 0 ? loss : 0.98 * meanLoss + 0.02 * loss
    if (step % REPORT_EVERY !== 0) continue
    const seconds = (performance.now() - started) / 1000
    const left = (seconds / step) * (steps - step)
    onStep(`step ${step}/${steps}, ${meanLoss.toFixed(2)} nats a token, ${left.toFixed(0)} s left`)
  }
  return [...model.parameters.values()]
}

/** Runs of tokens from anywhere in the texts, longer texts more often. */
function windowSource(
  texts: readonly string[],
  tokenizer: ByteLevelBpe,
  random: Random,
): () => Document {
  const end = tokenizer.idOf(END_TOKEN) ?? 0
  const all: number[] = []
  /** Where paragraphs end. */
  const ends: number[] = []
  for (const text of texts) {
    for (const paragraph of text.split(/(?<=\n\n)/)) {
      all.push(...tokenizer.encode(paragraph, { control: 'text' }))
      ends.push(all.length)
    }
  }
  const { least, most } = WINDOW_TOKENS
  return () => {
    const isEnded = random() < ENDED
    // An end may come after any number of tokens, or the model would count them.
    const length = isEnded ? least + Math.floor(random() * (most - least)) : most
    const anywhere = length + Math.floor(random() * (all.length - length))
    const stop = isEnded ? (ends[Math.floor(random() * ends.length)] ?? 0) : anywhere
    const window = all.slice(Math.max(0, stop - length), stop)
    const tokens = isEnded ? [...window, end] : window
    return { tokens, trained: tokens.map(() => true) }
  }
}
