import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadTinyModel } from '@infernet/models/tiny-model'
import { beforeAll, describe, expect, it } from 'vitest'
import type { AttackRow } from './experiment.ts'
import { END_TOKEN } from './model-training.ts'
import { render, type Report } from './report.ts'
import { run } from './run.ts'
import { JUDGED_NOISE } from './setup.ts'
import {
  SYNTHETIC_FILES,
  SYNTHETIC_VOCABULARY,
  SyntheticEngine,
} from './testing/synthetic-engine.ts'

const DEMO = fileURLToPath(new URL('../../../models/weights/infernet-demo.gguf', import.meta.url))
const TEXTS = ['const paid = await settle(order)\n', 'export function hold(): void {}\n']
const BUDGET = {
  honest: 80,
  answerTokens: 24,
  perAttack: 6,
  lifetimes: 50,
  lifetimeRequests: 20,
  traffic: 800,
  days: 2,
  tries: 10,
}
const SEED = 3

describe('the bench, with synthetic models', () => {
  let report: Report
  beforeAll(async () => {
    const { tokenizer } = loadTinyModel(readFileSync(DEMO))
    const texts = TEXTS.map((text) => text.repeat(20))
    report = await run(
      {
        engine: new SyntheticEngine(tokenizer.idOf(END_TOKEN)!),
        files: SYNTHETIC_FILES,
        corpus: { training: texts, heldOut: texts },
        tokenizer,
        vocabSize: SYNTHETIC_VOCABULARY,
      },
      { budget: BUDGET, isQuick: true, isJson: false, seed: SEED },
      () => undefined,
    )
  }, 60_000)

  const rows = (name: string): AttackRow[] =>
    report.families.flatMap(({ findings }) => findings.attacks.filter((row) => row.name === name))

  it('fails no honest answer', () => {
    for (const { findings, time } of report.families) {
      expect(findings.honest[JUDGED_NOISE].falseAlarms).toBe(0)
      expect(findings.honestContradicted).toBe(0)
      expect(time.lifetimes.accused).toBe(0)
      expect(findings.isFakeRootRefused).toBe(true)
    }
  })

  it.each([
    'smaller model',
    'weights in q4_0',
    'smaller model, logprobs forged',
    'wrong seed',
    'cached answer to another prompt, logprobs forged',
  ])('finds %s soon', (name) => {
    expect(rows(name)).toHaveLength(2)
    for (const { figures } of rows(name)) {
      expect(figures.tokens[JUDGED_NOISE].ninetieth).toBeLessThan(40)
      expect(figures.auc).toBeGreaterThan(0.9)
    }
  })

  it('has a row for every attack on the list', () => {
    const markdown = render(report)
    for (let attack = 1; attack <= 26; attack++) expect(markdown).toContain(`| A${attack} |`)
    expect(markdown).not.toContain('NaN')
    expect(markdown).not.toContain('undefined')
  })
})
