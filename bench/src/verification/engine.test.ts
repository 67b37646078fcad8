import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { mulberry32 } from '@infernet/models/prng'
import { loadTinyModel } from '@infernet/models/tiny-model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEngine, type Engine } from './engine.ts'
import { isContradictory, type JudgedAnswer } from './judge.ts'
import { Lab } from './lab.ts'
import { WEIGHTS, type ModelFiles } from './model-cache.ts'
import { promptSource } from './prompts.ts'
import { FAMILIES } from './setup.ts'

/** Our demo model, as every kind of weights: what is tried here is the engine. */
const DEMO = fileURLToPath(new URL('../../../models/weights/infernet-demo.gguf', import.meta.url))
const FILES = Object.fromEntries(WEIGHTS.map((name) => [name, DEMO])) as ModelFiles
const REQUESTS = 8
/** Nats between scoring at once and while generating, with room. */
const OWN_NOISE = 0.05
const OTHER_SEED = 12_345n

const { tokenizer } = loadTinyModel(readFileSync(DEMO))
/** Nothing that it was trained on, so that it hesitates. */
const NONSENSE = Array.from({ length: 400 }, (_, i) =>
  String.fromCodePoint(97 + ((i * i) % 23)),
).join(' ')

let engine: Engine
beforeAll(() => {
  engine = startEngine()
})
afterAll(() => engine?.close())

describe.each(FAMILIES)('llama.cpp, drawn as %s', (family) => {
  const end = tokenizer.idOf('<|im_end|>') ?? -1
  const prompt = promptSource([NONSENSE], tokenizer, mulberry32(4))

  const excessOf = (answers: readonly JudgedAnswer[]): number[] =>
    answers.flatMap(({ scores }) => scores[0].excess).filter((excess) => !Number.isNaN(excess))

  it('agrees with itself, and not with another seed', { timeout: 30_000 }, async () => {
    const lab = new Lab(engine, FILES, {
      family,
      vocabSize: tokenizer.size,
      end,
      maxTokens: 64,
      seed: 1,
    })
    const orders = Array.from({ length: REQUESTS }, () => lab.order(prompt()))
    const answers = await lab.answer(orders)
    expect(answers.map(({ prompt }) => prompt)).toEqual(orders.map(({ prompt }) => prompt))
    const judged = await lab.judge(answers)
    expect(judged.some(isContradictory)).toBe(false)
    expect(Math.max(...excessOf(judged))).toBeLessThan(OWN_NOISE)

    const other = answers.map((answer) => ({
      ...answer,
      settings: { ...answer.settings, seed: answer.settings.seed ^ OTHER_SEED },
    }))
    const wrong = await lab.judge(other)
    expect(wrong.some(isContradictory)).toBe(true)
    expect(Math.max(...excessOf(wrong))).toBeGreaterThan(10 * OWN_NOISE)
    expect(lab.spent.generated).toBeGreaterThan(REQUESTS)
  })
})
