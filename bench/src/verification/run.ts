import type { ByteLevelBpe } from '@infernet/models/byte-level-bpe'
import { describeEnvironment } from '../environment.ts'
import { END_TOKEN } from './model-training.ts'
import type { Corpus } from './corpus.ts'
import type { Engine } from './engine.ts'
import { experiment } from './experiment.ts'
import type { FamilyReport } from './family-section.ts'
import { canaryGoal, goalsOf } from './goals.ts'
import { Lab } from './lab.ts'
import { overTime, surroundings } from './market.ts'
import type { ModelFiles } from './model-cache.ts'
import type { Options } from './options.ts'
import type { Report } from './report.ts'
import { FAMILIES } from './setup.ts'

/** What there is to measure with. */
export interface Bench {
  readonly engine: Engine
  readonly files: ModelFiles
  readonly corpus: Corpus
  readonly tokenizer: ByteLevelBpe
  /** Tokens that the models choose from. */
  readonly vocabSize: number
}

/** Measures everything. The same bench and seed give the same figures, but for times and an engine's own noise. */
export async function run(
  { engine, files, corpus, tokenizer, vocabSize }: Bench,
  { budget, isQuick, seed }: Options,
  onStep: (text: string) => void,
): Promise<Report> {
  const environment = describeEnvironment(1, new Date())
  const started = performance.now()
  const end = tokenizer.idOf(END_TOKEN) ?? -1
  const families: FamilyReport[] = []
  for (const family of FAMILIES) {
    const lab = new Lab(engine, files, {
      family,
      vocabSize,
      end,
      maxTokens: budget.answerTokens,
      seed,
    })
    const findings = await experiment(lab, { corpus, tokenizer, budget, seed }, onStep)
    onStep(`${family}: ${budget.lifetimes} honest lifetimes`)
    families.push({ family, findings, time: overTime(findings, budget, seed) })
  }
  onStep('canaries and the market')
  const around = surroundings(budget, seed)
  return {
    environment,
    options: { isQuick, seed },
    seconds: (performance.now() - started) / 1000,
    families,
    surroundings: around,
    goals: [
      ...families.flatMap(({ family, findings, time }) => goalsOf(family, findings, time)),
      canaryGoal(around),
    ],
  }
}
