import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import { claimedSettings } from '@infernet/verification/replay/claimed-answer'
import { replayExcess } from '@infernet/verification/replay/replay'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, type ConformanceSubject } from './engine-conformance.ts'
import type { Evidence } from './engine.ts'
import { demoModel, type ModelFile } from './model-file.ts'
import type { ScoreOrder } from './score-order.ts'

/** Nats between two computations of one probability on one machine: batches of other sizes sum otherwise. */
const SAME_NATS = 2e-3
/** What 32-bit sums may add to the probability of everything. */
const SUM_SLACK = 1e-6
/** Nats that nobody takes for rounding. */
const OTHER_NATS = 0.05

const SAMPLINGS = [
  { temperature: 0 },
  { temperature: 0.8 },
  { temperature: 1.5, top_k: 10 },
  { temperature: 1, top_p: 0.5, min_p: 0 },
  { prompt: 'q', temperature: 2, top_k: 40, top_p: 1, min_p: 0 },
]

const never = new AbortController().signal

/** How to score an answer that an engine has shown. */
export const orderOf = (model: string, { transcript }: Evidence): ScoreOrder => ({
  model,
  prompt: transcript.prompt,
  output: transcript.positions.map(({ id }) => id),
})

/** By how much two reports of one answer differ at most, in nats against the likeliest token of each place. */
export function furthest(one: readonly Position[], other: readonly Position[]): number {
  const gaps = one.flatMap((position, i) => {
    const again = new Map([...(other[i]?.top ?? []), ...other.slice(i, i + 1)].map(logprobById))
    const [first] = position.top
    return [position, ...position.top].map(({ id, logprob }) => {
      const gap = logprob - (first?.logprob ?? Number.NaN)
      const gapAgain = (again.get(id) ?? Number.NaN) - (again.get(first?.id ?? -1) ?? Number.NaN)
      return Math.abs(gap - gapAgain)
    })
  })
  // What only one of them lists says nothing.
  return Math.max(...gaps.filter((gap) => !Number.isNaN(gap)))
}

const logprobById = ({ id, logprob }: { id: number; logprob: number }) => [id, logprob] as const

/** What every engine that scores must do; run it from the engine's own test. */
export function scoreConformance(
  name: string,
  make: (file: ModelFile) => Promise<ConformanceSubject>,
): void {
  describe(`${name} scores answers`, () => {
    let subject: ConformanceSubject
    beforeAll(async () => {
      subject = await make(demoModel())
    })
    afterAll(() => subject.engine.close())

    const answered = async (body: Record<string, unknown>, seed = 7): Promise<Evidence> => {
      const { engine, model, longQuestion } = subject
      const endpoint = 'prompt' in body ? 'completions' : 'chat.completions'
      const messages = [{ role: 'user', content: longQuestion }]
      const asked = 'prompt' in body ? body : { messages, ...body }
      const { run } = await ask(engine, model, asked, { seed, endpoint })
      const evidence = run?.evidence?.()
      if (evidence === undefined) throw new Error('no evidence')
      return evidence
    }
    const scored = async (order: ScoreOrder, signal = never, by = subject) => {
      const positions = await by.engine.score?.(order, signal)
      if (positions === undefined) throw new Error('it does not score')
      return positions
    }
    const shown = async (body: Record<string, unknown> = {}, seed?: number) => {
      const evidence = await answered(body, seed)
      return { evidence, order: orderOf(subject.model, evidence) }
    }

    it.each(SAMPLINGS)('as the engine that gave them claims: %o', async (sampling) => {
      for (const seed of [1, 2, 3_000_000_000]) {
        const { evidence, order } = await shown(sampling, seed)
        const positions = await scored(order)
        expect(positions.map(({ id }) => id)).toEqual(order.output)
        expect(furthest(evidence.transcript.positions, positions)).toBeLessThan(SAME_NATS)
      }
    })

    it.each(SAMPLINGS)('so that its tokens can be drawn again: %o', async (sampling) => {
      for (const seed of [1, 2, 3_000_000_000]) {
        const { evidence, order } = await shown(sampling, seed)
        const excess = replayExcess({
          positions: await scored(order),
          settings: claimedSettings(evidence),
          variant: evidence.replay,
          promptLength: order.prompt.length,
        })
        expect(Math.max(...excess)).toBeLessThan(SAME_NATS)
      }
    })

    it('also those to a long prompt that it has not seen before', async () => {
      const prompt = 'What is Infernet? '.repeat(40)
      const { evidence, order } = await shown({ prompt, temperature: 2, top_k: 40, min_p: 0 })
      const other = await make(demoModel())
      const positions = await scored(order, never, other)
      await other.engine.close()
      expect(furthest(evidence.transcript.positions, positions)).toBeLessThan(SAME_NATS)
    })

    it('with the likeliest tokens of each place in order, which are no more than all', async () => {
      const { order } = await shown({ prompt: 'q', temperature: 2, top_k: 40, top_p: 1, min_p: 0 })
      for (const { id, logprob, top } of await scored(order)) {
        const logprobs = top.map((candidate) => candidate.logprob)
        const listed = top.find((candidate) => candidate.id === id)
        expect(top).toHaveLength(MAX_SCORED_CANDIDATES)
        expect(new Set(top.map((candidate) => candidate.id)).size).toBe(top.length)
        expect(logprobs).toEqual(logprobs.toSorted((a, b) => b - a))
        expect(logprobs.reduce((sum, it) => sum + Math.exp(it), 0)).toBeLessThan(1 + SUM_SLACK)
        expect([logprob, ...logprobs].map(Math.fround)).toEqual([logprob, ...logprobs])
        expect(Math.max(logprob, ...logprobs)).toBeLessThanOrEqual(0)
        if (listed === undefined) expect(logprob).toBeLessThanOrEqual(logprobs.at(-1) ?? 0)
        else expect(logprob).toBe(listed.logprob)
      }
    })

    it('and sees that a token was changed, also one that nobody would expect', async () => {
      const { order } = await shown()
      const honest = await scored(order)
      const at = 5
      const odd = honest[0]?.top.at(-1)?.id ?? 0
      const changed = await scored({ ...order, output: order.output.with(at, odd) })
      expect(changed.slice(0, at)).toHaveLength(at)
      expect(furthest(honest.slice(0, at), changed.slice(0, at))).toBeLessThan(SAME_NATS)
      expect(changed[at]?.logprob).toBeLessThan((honest[at]?.logprob ?? 0) - 1)
      expect(furthest(honest.slice(at + 1), changed.slice(at + 1))).toBeGreaterThan(OTHER_NATS)
    })

    it('and sees that another model gave them', async () => {
      const { order } = await shown()
      const other = await make(otherWeights())
      const positions = await scored(order, never, other)
      await other.engine.close()
      expect(furthest(await scored(order), positions)).toBeGreaterThan(OTHER_NATS)
    })

    it('of one token, and of a prompt of one', async () => {
      const { order } = await shown()
      const [first] = await scored(order)
      const [alone] = await scored({ ...order, output: order.output.slice(0, 1) })
      expect(furthest([first!], [alone!])).toBeLessThan(SAME_NATS)
      const [start = 0, ...rest] = [...order.prompt, ...order.output]
      const whole = await scored({ ...order, prompt: [start], output: rest })
      expect(whole).toHaveLength(rest.length)
      expect(furthest([first!], [whole[order.prompt.length - 1]!])).toBeLessThan(SAME_NATS)
    })

    it('up to the end of the context, and none that goes beyond', async () => {
      const { order } = await shown()
      const [offer] = subject.engine.models
      const room = (offer?.contextLength ?? 0) - order.prompt.length
      const fill = (tokens: number): number[] =>
        Array.from({ length: tokens }, (_, i) => order.output[i % order.output.length] ?? 0)
      expect(await scored({ ...order, output: fill(room) })).toHaveLength(room)
      const tooLong = scored({ ...order, output: fill(room + 1) })
      await expect(tooLong).rejects.toMatchObject({ code: 'context_exceeded' })
    })

    it('and says what is wrong with an order', async () => {
      const { order } = await shown()
      const refused = (change: Partial<ScoreOrder>, code: string) =>
        expect(scored({ ...order, ...change })).rejects.toMatchObject({ name: 'ScoreError', code })
      await refused({ model: 'no-such-model' }, 'unknown_model')
      await refused({ output: [1_000_000] }, 'bad_tokens')
      await refused({ prompt: [4_294_967_295] }, 'bad_tokens')
      await refused({ prompt: [] }, 'bad_tokens')
      await refused({ output: [] }, 'bad_tokens')
      expect(await scored(order)).toHaveLength(order.output.length)
    })

    it('until it is told to stop, and then does other work', async () => {
      const { evidence, order } = await shown()
      const long = { ...order, output: Array.from({ length: 900 }, () => order.output[0] ?? 0) }
      const stopping = new AbortController()
      const stopped = Array.from({ length: 6 }, () => scored(long, stopping.signal))
      setImmediate(() => stopping.abort())
      for (const one of stopped) await expect(one).rejects.toMatchObject({ code: 'aborted' })
      await expect(scored(order, stopping.signal)).rejects.toMatchObject({ code: 'aborted' })
      const positions = await scored(order)
      expect(furthest(evidence.transcript.positions, positions)).toBeLessThan(SAME_NATS)
    })

    it('side by side with each other and with jobs, which say the same as alone', async () => {
      const answers = await Promise.all(SAMPLINGS.map((sampling) => shown(sampling)))
      const [again, ...scores] = await Promise.all([
        Promise.all(SAMPLINGS.map((sampling) => shown(sampling))),
        ...answers.map(({ order }) => scored(order)),
      ])
      expect(again.map(({ order }) => order)).toEqual(answers.map(({ order }) => order))
      for (const [i, { evidence }] of answers.entries()) {
        const { positions } = evidence.transcript
        expect(furthest(positions, scores[i] ?? [])).toBeLessThan(SAME_NATS)
      }
    })

    it('but none once it is closed', async () => {
      const other = await make(demoModel())
      const { order } = await shown()
      const pending = scored(order, never, other)
      const refused = expect(pending).rejects.toMatchObject({ code: 'aborted' })
      await other.engine.close()
      await refused
    })
  })
}

/** A copy of the demo model in which some weights of its last layer are nought. */
function otherWeights(): ModelFile {
  const { id, path } = demoModel()
  const file = readFileSync(path)
  file.fill(0, file.length - 20_000, file.length - 10_000)
  const copy = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'other.gguf')
  writeFileSync(copy, file)
  return { id, path: copy }
}
