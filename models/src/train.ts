/**
 * Trains the demo model from nothing but this folder: `npm run model:train`. About half an hour on
 * one core. The result depends on the seed alone, to the last bit. A checkpoint of the weights so
 * far is kept in `dist/`. Options: `--steps N`, `--out FILE`.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ByteLevelBpe } from './byte-level-bpe.ts'
import { compileChatTemplate } from './chat-template.ts'
import { copyingExercise, nextConversation } from './corpus/generator.ts'
import { CHAT_TEMPLATE, CONTROL_TOKENS } from './corpus/template.ts'
import type { LlamaConfig } from './llama-config.ts'
import { mulberry32 } from './prng.ts'
import { fillBatch } from './trainer/batch.ts'
import { trainBpe } from './trainer/bpe-trainer.ts'
import { startCopyingHeads } from './trainer/copying-start.ts'
import { toDocument } from './trainer/document.ts'
import { modelFile } from './trainer/model-file.ts'
import { learningRate, updateWeights } from './trainer/optimizer.ts'
import { TrainingModel } from './trainer/training-model.ts'

const SEED = 21
const BATCH_TOKENS = 768
const PEAK_RATE = 2e-3
const WARMUP_STEPS = 100
/** Steps of copying before everything else. */
const EXERCISE_STEPS = 350
/** Conversations the vocabulary is learned from. */
const VOCABULARY_SAMPLE = 6_000
const REPORT_EVERY = 50
const CHECKPOINT_EVERY = 500

const CONFIG: LlamaConfig = {
  contextLength: 1_024,
  vocabSize: 1_024,
  width: 128,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  headWidth: 32,
  hidden: 320,
  ropeBase: 10_000,
  rmsEpsilon: 1e-5,
}

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '9000' },
    out: {
      type: 'string',
      default: inFolder('../weights/infernet-demo.gguf'),
    },
  },
})
const steps = Number(options.steps)
const checkpoint = inFolder('../dist/infernet-demo.checkpoint.gguf')
mkdirSync(inFolder('../dist/'), { recursive: true })

const render = compileChatTemplate(CHAT_TEMPLATE)
const sampleRandom = mulberry32(SEED)
const sample = Array.from({ length: VOCABULARY_SAMPLE }, () =>
  render({ ...nextConversation(sampleRandom), addGenerationPrompt: false }),
)
const vocabulary = trainBpe(sample, CONTROL_TOKENS, CONFIG.vocabSize)
const tokenizer = new ByteLevelBpe(vocabulary)
const model = await TrainingModel.create(CONFIG, BATCH_TOKENS, mulberry32(SEED))
startCopyingHeads(model.parameters, CONFIG, mulberry32(SEED))
let parameters = 0
for (const { values } of model.parameters.values()) parameters += values.length
process.stdout.write(`${parameters} parameters, ${steps} steps of ${BATCH_TOKENS} tokens\n`)

const random = mulberry32(SEED + 1)
const started = performance.now()
let meanLoss = 0
for (let step = 1; step <= steps; step++) {
  const source = step <= EXERCISE_STEPS ? copyingExercise : nextConversation
  const batch = fillBatch(BATCH_TOKENS, () => toDocument(source(random), render, tokenizer))
  const loss = model.forward(batch)
  model.backward(batch)
  updateWeights(model, step, learningRate(step, steps, PEAK_RATE, WARMUP_STEPS))
  meanLoss = meanLoss === 0 ? loss : 0.98 * meanLoss + 0.02 * loss
  if (step % REPORT_EVERY === 0) report(step)
  if (step % CHECKPOINT_EVERY === 0) writeFileSync(checkpoint, currentFile())
}
const file = currentFile()
writeFileSync(options.out, file)
process.stdout.write(`sha256 ${createHash('sha256').update(file).digest('hex')}\n`)

function report(step: number): void {
  const seconds = (performance.now() - started) / 1000
  const rate = (step * BATCH_TOKENS) / seconds
  const [loss, speed, time] = [meanLoss.toFixed(4), rate.toFixed(0), seconds.toFixed(0)]
  process.stdout.write(`step ${step}/${steps}  loss ${loss}  ${speed} tokens/s  ${time} s\n`)
}

/** The model as it stands, as a GGUF file. */
function currentFile(): Uint8Array {
  const identity = {
    name: 'infernet-demo',
    description: 'A very small demo model, trained from scratch on text of the Infernet project.',
    vocabulary,
    chatTemplate: CHAT_TEMPLATE,
  }
  return modelFile(CONFIG, model.parameters.values(), identity, 'Q8_0')
}

/** A path given relative to this file. */
function inFolder(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}
