import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Vocabulary } from '@infernet/models/byte-level-bpe'
import type { TensorType } from '@infernet/models/tensor-codec'
import { modelFile, type Weight } from '@infernet/models/trainer/model-file'
import type { Corpus } from './corpus.ts'
import { roundToFp8 } from './fp8.ts'
import { PLANS, trainModel, trainVocabulary, type TrainingPlan } from './model-training.ts'

/** Outside the tree: some megabytes that anyone can make again. */
const CACHE = join(homedir(), '.cache/infernet/bench-models')
/** Part of the key: what the code makes of a plan. Raise it when that changes. */
const VERSION = 2

/** The weights that a provider may run: the promised ones, and what a cheat puts in their place. */
export const WEIGHTS = ['f16', 'q8_0', 'fp8', 'q5_0', 'q4_0', 'small'] as const
export type WeightsName = (typeof WEIGHTS)[number]

/** Paths of GGUF files. */
export type ModelFiles = Readonly<Record<WeightsName, string>>

/** All files, trained first where they are not there yet: some six minutes on one core. */
export async function modelFiles(
  { training }: Corpus,
  onStep: (text: string) => void,
): Promise<ModelFiles> {
  const key = createHash('sha256')
    .update(JSON.stringify([VERSION, PLANS, training]))
    .digest('hex')
    .slice(0, 16)
  const folder = join(CACHE, key)
  if (!existsSync(folder)) await fill(folder, training, onStep)
  return Object.fromEntries(WEIGHTS.map((name) => [name, fileIn(folder, name)])) as ModelFiles
}

const fileIn = (folder: string, name: WeightsName): string => join(folder, `${name}.gguf`)

async function fill(
  folder: string,
  texts: readonly string[],
  onStep: (text: string) => void,
): Promise<void> {
  const vocabulary = trainVocabulary(texts)
  const train = (plan: TrainingPlan, name: string) =>
    trainModel(plan, vocabulary, texts, (text) => onStep(`training the ${name} model: ${text}`))
  const large = await train(PLANS.large, 'promised')
  const small = await train(PLANS.small, 'smaller')
  const fp8 = large.map((weight) => ({ ...weight, values: rounded(weight) }))
  // Under its name only when it is whole.
  const unfinished = `${folder}.${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  const write = (name: WeightsName, weights: readonly Weight[], type: TensorType) => {
    const { config } = name === 'small' ? PLANS.small : PLANS.large
    const file = modelFile(config, weights, identity(name, vocabulary), type)
    writeFileSync(fileIn(unfinished, name), file)
  }
  write('f16', large, 'F16')
  write('q8_0', large, 'Q8_0')
  write('fp8', fp8, 'F16')
  write('q5_0', large, 'Q5_0')
  write('q4_0', large, 'Q4_0')
  write('small', small, 'F16')
  renameSync(unfinished, folder)
}

/** Norms stay as they are, as engines keep them. */
const rounded = ({ dimensions, values }: Weight): Float32Array =>
  dimensions.length === 1 ? values : roundToFp8(values)

const identity = (name: WeightsName, vocabulary: Vocabulary) => ({
  name: `infernet-bench-${name}`,
  description:
    'Goes on with TypeScript of the Infernet project; made to measure, and good for nothing else.',
  vocabulary,
  chatTemplate: '{% for message in messages %}{{ message.content }}{% endfor %}',
})
