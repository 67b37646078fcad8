import {
  badTwinOf,
  repeatOf,
  verifierFault,
  type VerifierCheck,
} from '@infernet/verification/canary/verifier-check'
import { calibrate, UNMEASURED } from '@infernet/verification/evidence/calibration'
import { lpDifferences } from '@infernet/verification/evidence/lp-difference'
import { Mt19937 } from '@infernet/verification/random/mt19937'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEngine } from '../engines/create-engine.ts'
import { ask } from '../engines/engine-conformance.ts'
import type { Engine } from '../engines/engine.ts'
import { orderOf } from '../engines/score-conformance.ts'
import type { ScoreOrder } from '../engines/score-order.ts'

const MODEL = 'infernet-demo'
const ANSWERS = 8
const TOKENS = 32
const never = new AbortController().signal

describe.each(['tiny', 'llama-cpp'] as const)('a verifier that runs %s', (name) => {
  let engine: Engine
  beforeAll(async () => {
    const options = { engine: name, models: [], slots: 2, gpu: false, overrides: {}, threads: 1 }
    engine = createEngine(options, () => 1_700_000_000_000)
    await engine.start({ modelsChanged: () => {}, trouble: () => {} })
  })
  afterAll(() => engine.close())

  const scored = async (order: ScoreOrder) =>
    (await engine.score?.(order, never)) ?? expect.fail('it does not score')
  async function known(seed: number) {
    const messages = [{ role: 'user', content: `What is Infernet, in ${seed} words?` }]
    const body = { messages, temperature: 1.2, top_p: 1 }
    const { run } = await ask(engine, MODEL, body, { seed, max_output_tokens: TOKENS })
    const evidence = run?.evidence?.() ?? expect.fail('no evidence')
    const order = orderOf(MODEL, evidence)
    return { prompt: order.prompt, positions: await scored(order) }
  }

  it('passes every check of what it has said', async () => {
    const random = new Mt19937(5)
    const answers = []
    for (let seed = 0; seed < ANSWERS; seed++) answers.push(await known(seed))
    const strict = calibrate(
      answers.map(({ positions }) => ({
        excess: positions.map(() => 0),
        lpDifference: [...lpDifferences(positions, positions)],
      })),
    )
    const checks: VerifierCheck[] = answers.flatMap((answer) => {
      const twin = badTwinOf(answer, () => random.uniform())
      return twin === undefined ? [repeatOf(answer)] : [repeatOf(answer), twin]
    })
    expect(checks.length).toBeGreaterThan(1.5 * ANSWERS)
    for (const check of checks) {
      const { known, output } = check
      const positions = await scored({ model: MODEL, prompt: known.prompt, output })
      for (const calibration of [UNMEASURED, strict])
        expect(verifierFault(check, positions, calibration)).toBeUndefined()
    }
  })
})
