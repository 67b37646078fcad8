import type { Scores } from '@infernet/verification/evidence/calibration'
import { calibrate, calibrationSchema } from '@infernet/verification/evidence/calibration'
import { requestEvidence } from '@infernet/verification/evidence/request-evidence'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine, EngineModel, EngineRun } from '../engines/engine.ts'
import { demoModel } from '../engines/model-file.ts'
import { TinyEngine } from '../engines/tiny.ts'
import { askEngine } from './ask-engine.ts'
import { measure, type Measurement, type MeasureOptions, type Progress } from './measure.ts'
import { questions } from './questions.ts'
import { scoresOf } from './scores-of.ts'
import { summaryOf } from './summary.ts'

const never = new AbortController().signal
const QUICK = { requests: 12, maxTokens: 16, slots: 3, seed: 7, signal: never }

const engine = new TinyEngine([demoModel()], Date.now)
const told: Progress[] = []
let first: Measurement
beforeAll(async () => {
  await engine.start()
  first = await measured({ onProgress: (progress) => told.push(progress) })
})
afterAll(() => engine.close())

const measured = (more: Partial<MeasureOptions> = {}) => measure(engine, { ...QUICK, ...more })
const known = (values: readonly number[]) => values.filter((value) => !Number.isNaN(value))

describe('measuring', () => {
  it('gives finite statistics of every answer, and tells how far it is', () => {
    const { model, samples } = first
    expect(model).toBe('infernet-demo')
    expect(samples).toHaveLength(QUICK.requests)
    for (const { excess, lpDifference } of samples) {
      expect(excess.length).toBeGreaterThan(0)
      expect(excess.length).toBeLessThanOrEqual(QUICK.maxTokens)
      expect(lpDifference).toHaveLength(excess.length)
      for (const value of [...known(excess), ...known(lpDifference)]) {
        expect(Number.isFinite(value) && value >= 0).toBe(true)
      }
    }
    const tokens = samples.reduce((sum, { excess }) => sum + excess.length, 0)
    expect(told).toHaveLength(2 * QUICK.requests)
    expect(told.at(-1)).toEqual({ answered: 12, scored: 12, tokens })
  })

  it('calibrates: a document that an edge takes, with tails that fall', () => {
    const { samples } = first
    const calibration = calibrate(samples)
    const text = JSON.stringify(calibration, null, 2)
    expect(calibrationSchema.parse(JSON.parse(text))).toEqual(calibration)
    expect(text.length).toBeLessThan(16 * 1024)
    expect(calibration.requests).toBe(QUICK.requests)
    for (const tails of [calibration.excess, calibration.lpDifference]) {
      expect(tails.length).toBeGreaterThan(0)
      const rates = tails.map(({ rate }) => rate)
      expect(rates).toEqual(rates.toSorted((a, b) => b - a))
    }
    // Tiny computes an answer and its score alike, so nothing differs but rounding.
    const summary = summaryOf(samples, calibration)
    expect(summary).toMatchObject({ requests: 12, mismatch_rate: 0, verdicts: { fail: 0 } })
    expect(summary.lp_difference?.p99).toBeLessThan(0.005)
  })

  it('is as its seed, whatever runs at once', async () => {
    const begun = first.samples.slice(0, 6)
    expect((await measured({ requests: 6, slots: 5 })).samples).toEqual(begun)
    const other = await measured({ requests: 2, seed: 8 })
    expect(other.samples).not.toEqual(begun.slice(0, 2))
  })

  it('stops when told to', async () => {
    const stopping = new AbortController()
    const options = { signal: stopping.signal, onProgress: () => stopping.abort() }
    await expect(measured(options)).rejects.toMatchObject({
      name: 'CalibrationError',
      code: 'aborted',
    })
    await expect(measured({ signal: stopping.signal })).rejects.toMatchObject({ code: 'aborted' })
    const running = new AbortController()
    const stopped = measured({ signal: running.signal })
    setImmediate(() => running.abort())
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' })
    expect((await measured({ requests: 1 })).samples).toHaveLength(1)
  })

  it('tells a cheat from honest answers, by the candidates it claims', async () => {
    const calibration = calibrate(first.samples)
    const [model] = engine.models
    const asked = questions(model!, { maxTokens: 48, seed: 99 })
    for (let i = 0; i < 2; i++) {
      const evidence = await askEngine(engine, asked.next().value, never)
      const { prompt, positions } = evidence.transcript
      const output = positions.map(({ id }) => id)
      const scored = await engine.score({ model: model!.id, prompt, output }, never)
      const noisy = positions.map((position, at) => ({
        ...position,
        top: position.top.map(({ id, logprob }, rank) => ({
          id,
          logprob: logprob - 0.3 * Math.abs(Math.sin(31 * at + 7 * rank)),
        })),
      }))
      const logE = (scores: Scores) => requestEvidence(scores, calibration).logE
      const honest = logE(scoresOf(evidence, scored))
      const cheated = logE(
        scoresOf({ ...evidence, transcript: { prompt, positions: noisy } }, scored),
      )
      expect(honest).toBeLessThan(1)
      expect(cheated).toBeGreaterThan(honest + 1)
    }
  })
})

describe('what cannot be measured', () => {
  const withModels = (models: readonly EngineModel[]): Engine => ({
    kind: 'odd',
    models,
    start: async () => {},
    begin: () => {
      throw new Error('it is on fire')
    },
    score: async () => [],
    close: async () => {},
  })
  const refusal = (odd: Engine) => measure(odd, QUICK).catch((error: unknown) => error)
  const model = () => engine.models[0]!
  const run: EngineRun = {
    pause: () => {},
    resume: () => {},
    abort: () => {},
    usage: () => ({ prompt_tokens: 0, completion_tokens: 0 }),
  }

  it('is refused with the next step', async () => {
    const code = (odd: Engine, step: string) =>
      refusal(odd).then((error) => {
        expect(String(error)).toContain(step)
        return (error as { code: string }).code
      })
    const { spec: _, ...unknown } = model()
    expect(await code(withModels([]), 'start it')).toBe('no_model')
    expect(await code(withModels([model(), unknown]), 'one with --model')).toBe('no_model')
    expect(await code(withModels([unknown]), '--engine llama-cpp')).toBe('no_evidence')
    const mute = { ...withModels([model()]), score: undefined }
    expect(await code(mute, 'llama-cpp or tiny')).toBe('cannot_score')
  })

  it('ends with the reason when a request or a score fails', async () => {
    const odd = withModels([model()])
    expect(await refusal(odd)).toMatchObject({
      code: 'engine_failed',
      message: 'a request was refused: it is on fire',
    })
    const failing: Engine = {
      ...odd,
      begin: (_request, sink) => {
        setImmediate(() => sink.fail({ fault: 'provider', code: 'x', message: 'out of memory' }))
        return run
      },
    }
    expect(await refusal(failing)).toMatchObject({
      code: 'engine_failed',
      message: 'a request failed: out of memory',
    })
    const silent: Engine = {
      ...odd,
      begin: (_request, sink) => {
        setImmediate(() => sink.finish('stop'))
        return run
      },
    }
    expect(await refusal(silent)).toMatchObject({ code: 'no_evidence' })
    const begin: Engine['begin'] = (...args) => engine.begin(...args)
    const broken: Engine = {
      ...odd,
      begin,
      score: async ({ output }) => output.map((id) => ({ id, logprob: NaN, top: [] })),
    }
    expect(await refusal(broken)).toMatchObject({
      code: 'engine_failed',
      message: expect.stringContaining('no logarithm of a probability') as string,
    })
  })
})
