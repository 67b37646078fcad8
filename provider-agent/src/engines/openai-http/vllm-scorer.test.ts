import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FakeEngine } from '../../testing/fake-engine.ts'
import { FakeVllm } from '../../testing/fake-vllm.ts'
import { ask } from '../engine-conformance.ts'
import { demoModel } from '../model-file.ts'
import { furthest, orderOf } from '../score-conformance.ts'
import type { ScoreOrder } from '../score-order.ts'
import { TinyEngine } from '../tiny.ts'
import { OpenAiHttpEngine } from './openai-http.ts'
import { parseModelAlias } from './model-alias.ts'

const never = new AbortController().signal
const ours = 'demo'
const events = { modelsChanged: () => {}, trouble: () => {} }

describe('a score by vLLM', () => {
  const tiny = new TinyEngine([demoModel()], () => 0)
  let order: ScoreOrder
  beforeAll(async () => {
    await tiny.start()
    const body = { prompt: 'q', temperature: 2, top_k: 40, top_p: 1, min_p: 0 }
    const { run } = await ask(tiny, 'infernet-demo', body, { endpoint: 'completions' })
    order = orderOf(ours, run!.evidence!()!)
  })
  afterAll(() => tiny.close())

  let server: FakeVllm
  let engine: OpenAiHttpEngine
  beforeEach(async () => {
    server = new FakeVllm(tiny)
    await server.start()
    const models = [parseModelAlias(`${ours}=infernet-demo`)]
    engine = new OpenAiHttpEngine({ url: server.url, models })
    await engine.start(events)
  })
  afterEach(async () => {
    await engine.close()
    await server.close()
  })
  const scored = (change: Partial<ScoreOrder> = {}, signal = never) =>
    engine.score?.({ ...order, ...change }, signal) ?? Promise.reject(new Error('no score'))
  const truth = () => tiny.score({ ...order, model: 'infernet-demo' }, never)

  it.each([MAX_SCORED_CANDIDATES, 20, 3, -1])(
    'is what the model gives, with as many candidates as it tells of: at most %i',
    async (max) => {
      server.maxLogprobs = max === -1 ? Infinity : max
      const candidates = Math.min(server.maxLogprobs, MAX_SCORED_CANDIDATES)
      const true_ = await truth()
      expect(await scored()).toEqual(
        true_.map(({ top, ...token }) => ({ ...token, top: top.slice(0, candidates) })),
      )
      expect(furthest(true_, await scored())).toBe(0)
    },
  )

  it('asks for one token more at most, and for no more candidates than it was once allowed', async () => {
    await scored()
    await scored()
    expect(server.requests.map((request) => request.prompt_logprobs)).toEqual([64, 20, 20])
    expect(server.requests[0]).toEqual({
      model: 'infernet-demo',
      prompt: [...order.prompt, ...order.output],
      max_tokens: 1,
      temperature: 0,
      prompt_logprobs: 64,
    })
  })

  it('is refused where something is wrong with the order', async () => {
    const refused = (change: Partial<ScoreOrder>, code: string, message: string) =>
      expect(scored(change)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      })
    await refused({ model: 'infernet-demo' }, 'unknown_model', 'infernet-demo')
    await refused({ output: [] }, 'bad_tokens', 'a token at least')
    await refused({ output: [1_000_000] }, 'engine_failed', 'out of vocabulary')
    const fill = (tokens: number): number[] =>
      Array.from({ length: tokens - order.prompt.length }, () => 5)
    await refused({ output: fill(1_024) }, 'context_exceeded', '1023')
    expect(await scored({ output: fill(1_023) })).toHaveLength(1_023 - order.prompt.length)
  })

  const place = (of: object) => ({ choices: [{ prompt_logprobs: [null, of] }] })
  it.each([
    ['nothing', {}],
    ['no choice', { choices: [] }],
    ['no list', { choices: [{ prompt_logprobs: null }] }],
    ['too few', { choices: [{ prompt_logprobs: [null] }] }],
    ['too many', { choices: [{ prompt_logprobs: [null, {}, {}] }] }],
    ['a cached place', { choices: [{ prompt_logprobs: [null, null] }] }],
    ['another token', place({ 6: { logprob: -1 } })],
    ['a logit', place({ 5: { logprob: 7 } })],
    ['a word', place({ 5: { logprob: '-1' } })],
    ['no id', place({ 5: { logprob: -1 }, five: { logprob: -2 } })],
  ])('is none where vLLM tells of %s', async (_, answer) => {
    server.instead = answer
    const one = { prompt: [1], output: [5] }
    await expect(scored(one)).rejects.toMatchObject({ code: 'engine_failed' })
    server.instead = place({ 5: { logprob: -Number.MAX_VALUE } })
    const [position] = await scored(one)
    expect(position).toEqual({ id: 5, logprob: -9999, top: [{ id: 5, logprob: -9999 }] })
  })

  it('ends with the connection when it is told to stop, or the engine is closed', async () => {
    server.isSilent = true
    const stopping = new AbortController()
    const stopped = scored({}, stopping.signal)
    await expect.poll(() => server.requests.length).toBe(1)
    stopping.abort()
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' })
    await expect.poll(() => server.aborted).toBe(1)
    await expect(scored({}, stopping.signal)).rejects.toMatchObject({ code: 'aborted' })
    const closed = expect(scored()).rejects.toMatchObject({ code: 'aborted' })
    await engine.close()
    await closed
  })

  it('fails when vLLM goes away', async () => {
    server.isSilent = true
    const lost = expect(scored()).rejects.toMatchObject({ code: 'engine_failed' })
    await expect.poll(() => server.requests.length).toBe(1)
    await server.close()
    await lost
    await server.start()
  })

  it('is for no other server to give', async () => {
    const other = new FakeEngine()
    other.models = [{ id: 'big-model', owned_by: 'sglang' }]
    await other.start()
    const http = new OpenAiHttpEngine({ url: other.url, models: [] })
    await http.start(events)
    expect(http.models).toHaveLength(1)
    expect(http.score).toBeUndefined()
    await http.close()
    await other.close()
  })
})
