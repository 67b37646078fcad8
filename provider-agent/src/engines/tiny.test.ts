import { describe, expect, it } from 'vitest'
import { capabilityConformance } from './capability-conformance.ts'
import { ask, engineConformance, eventsOf } from './engine-conformance.ts'
import { EngineStartError } from './engine.ts'
import { evidenceConformance } from './evidence-conformance.ts'
import { demoModel } from './model-file.ts'
import { renderConformance } from './render-conformance.ts'
import { scoreConformance } from './score-conformance.ts'
import { damagedModel } from '../testing/damaged-model.ts'
import { TinyEngine } from './tiny.ts'

const now = () => 1_700_000_000_000
const longQuestion = 'What is Infernet?'

async function makeTiny(file = demoModel()) {
  const engine = new TinyEngine([file], now)
  await engine.start()
  return { engine, model: 'infernet-demo', longQuestion, isReal: true }
}

engineConformance('tiny', () => makeTiny())
capabilityConformance('tiny', () => makeTiny(), ['tools', 'logprobs', 'seed', 'continue'])
evidenceConformance('tiny', () => makeTiny())
scoreConformance('tiny', makeTiny)
renderConformance('tiny', () => makeTiny())

const story = (seed: number) => ({
  messages: [{ role: 'user', content: 'zq 7 vx: kk? 99 wombat' }],
  temperature: 2,
  top_k: 0,
  top_p: 1,
  min_p: 0,
  seed,
})

describe('tiny', () => {
  it('reports logprobs with their alternatives', async () => {
    const { engine, model } = await makeTiny()
    const body = {
      messages: [{ role: 'user', content: longQuestion }],
      logprobs: true,
      top_logprobs: 2,
    }
    const { text } = await ask(engine, model, body, { max_output_tokens: 4 })
    const tokens = eventsOf(text)
      .flatMap((event) => event['choices'] as { logprobs: { content: Scored[] } | null }[])
      .flatMap(({ logprobs }) => logprobs?.content ?? [])
    expect(tokens).toHaveLength(4)
    for (const token of tokens) {
      expect(token.logprob).toBeLessThanOrEqual(0)
      expect(token.top_logprobs).toHaveLength(2)
      expect(token.top_logprobs[0]?.token).toBe(token.token)
    }
  })

  it('repeats itself for a seed and not for others', async () => {
    const { engine, model } = await makeTiny()
    const text = async (seed: number) => {
      const answer = await ask(engine, model, story(seed), { stream: false })
      return JSON.stringify((JSON.parse(answer.text) as { choices: unknown }).choices)
    }
    expect(await text(7)).toBe(await text(7))
    // The model is sure of most of its tokens, so two seeds may agree by chance; eight do not.
    const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(text))
    expect(new Set(answers).size).toBeGreaterThan(1)
  })

  it('says which file cannot be loaded', async () => {
    const engine = new TinyEngine([{ id: 'x', path: import.meta.filename }], now)
    await expect(engine.start()).rejects.toThrow(EngineStartError)
    await expect(engine.start()).rejects.toThrow('tiny.test.ts')
  })

  it('offers nothing that does not answer', async () => {
    const engine = new TinyEngine([{ id: 'x', path: damagedModel() }], now)
    await expect(engine.start()).rejects.toThrow('what it answers is no numbers')
    expect(engine.models).toEqual([])
  })
})

interface Scored {
  readonly token: string
  readonly logprob: number
  readonly top_logprobs: readonly Scored[]
}
