import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ProcessEnd } from '../managed/leash.ts'
import type { GenerateRequest, TokenSink } from '../token-source.ts'
import { LLAMA_RIM, LlamaProcess } from './llama-process.ts'
import type { FromChild, LoadedModel, ToChild } from './messages.ts'

const model: LoadedModel = {
  contextLength: 100,
  bosToken: '',
  eosToken: '',
  release: 'b1',
  backend: 'cuda',
}
const prompt: FromChild = { type: 'prompt', run: 1, ids: [1], cachedTokens: 0 }
const sink: TokenSink = { prompt: () => {}, pieces: () => {}, end: () => {}, fail: () => {} }
const request = { prompt: 'x', maxTokens: 9 } as GenerateRequest

/** A child whose thread that answers `ping` is well, whatever those that compute do. */
class FakeChild {
  readonly heard: ToChild['type'][] = []
  readonly #ended = Promise.withResolvers<ProcessEnd>()
  readonly ended = this.#ended.promise
  readonly lastWords = ''
  /** Answers questions for a token. */
  computes = true
  readonly say: (message: FromChild) => void

  constructor(say: (message: FromChild) => void) {
    this.say = say
  }

  send = (message: ToChild): void => {
    this.heard.push(message.type)
    if (message.type === 'load') queueMicrotask(() => this.say({ type: 'ready', model }))
    if (message.type === 'ping') queueMicrotask(() => this.say({ type: 'pong' }))
    if (message.type === 'prove' && this.computes) this.say({ type: 'proved' })
  }
  terminate = (): void => this.kill()
  kill = (): void => this.#ended.resolve({ code: 137, reason: 'was ended by SIGKILL' })
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

async function running() {
  const children: FakeChild[] = []
  const offers: boolean[] = []
  const troubles: string[] = []
  const options = { path: 'm', slots: 2, maxContext: 100, threads: 1, gpu: true }
  const process_ = new LlamaProcess(
    options,
    {
      changed: (now) => void offers.push(now !== undefined),
      trouble: (message) => void troubles.push(message),
    },
    {
      ...LLAMA_RIM,
      random: () => 0,
      startChild: (listen) => {
        const child = new FakeChild(listen)
        children.push(child)
        return child
      },
    },
  )
  await process_.start()
  const pass = (s: number) => vi.advanceTimersByTimeAsync(s * 1_000)
  /** A job that its edge gives up on. */
  const job = async (s: number) => {
    const run = process_.generate(request, sink)
    await pass(s)
    run.abort()
  }
  return { process: process_, child: children[0]!, children, offers, troubles, pass, job }
}

it('is withdrawn, killed and started again when it hangs, though every job was given up on after a minute', async () => {
  const { child, children, offers, troubles, pass, job } = await running()
  child.computes = false
  await job(60)
  expect(child.heard.filter((type) => type === 'prove')).toEqual(['prove'])
  expect(offers).toEqual([true])
  await pass(20)
  expect(offers).toEqual([true, false])
  expect(troubles).toEqual([
    expect.stringMatching(/^llama.cpp leaves requests unanswered, .* it is started again$/),
  ])
  await pass(190)
  expect(children).toHaveLength(1)
  await pass(20)
  expect(troubles[1]).toMatch(
    /^llama.cpp has let an answer wait for 28\d s, and was killed; .* in 0.5 s$/,
  )
  expect([children.length, offers]).toEqual([2, [true, false, false, true]])
  await pass(600)
  expect([children.length, troubles.length]).toEqual([2, 2])
})

it('is killed though it takes in the next job: that shows nothing of what computes', async () => {
  const { process, child, children, troubles, pass } = await running()
  child.computes = false
  for (let run = 1; run <= 6; run++) {
    const job = process.generate(request, sink)
    child.say({ ...prompt, run })
    await pass(30)
    child.say({ type: 'rendered', run: -1, prompt: [], text: '' })
    child.say({ type: 'fail', run: -1, error: { fault: 'request', code: 'x', message: 'x' } })
    await pass(30)
    job.abort()
  }
  expect(troubles).toHaveLength(2)
  expect([children.length, troubles[1]]).toEqual([2, expect.stringContaining('was killed')])
})

it('is killed where it was heard while the question was out, and hangs then', async () => {
  const { child, children, pass, job } = await running()
  child.computes = false
  await job(60)
  child.say({ type: 'reading' })
  await job(60)
  await pass(280)
  expect(children).toHaveLength(2)
})

it.each(['embed', 'score'] as const)(
  'is killed where it hangs under what it is to %s, and not for what was given up on',
  async (sort) => {
    const { process, child, children, pass } = await running()
    child.computes = false
    const unused = { vector: () => {}, positions: () => {}, end: () => {}, fail: () => {} }
    const begin = () =>
      sort === 'embed' ? process.embed(['x'], unused) : process.score([1], [2], unused)
    begin().abort()
    const run = begin()
    await pass(40)
    run.abort()
    await pass(600)
    expect([children.length, child.heard.includes('prove')]).toEqual([1, false])
    begin()
    await pass(300)
    expect(children).toHaveLength(2)
  },
)

it('stays while all its answers are paused, whenever it was asked', async () => {
  const { process, child, children, offers, pass } = await running()
  child.computes = false
  const runs = [process.generate(request, sink), process.generate(request, sink)]
  await pass(50)
  expect(child.heard).toContain('prove')
  for (const run of runs) run.pause()
  await pass(1_000)
  expect([children.length, offers]).toEqual([1, [true]])
  runs[0]?.resume()
  await pass(40)
  expect([children.length, offers]).toEqual([1, [true, false]])
  await pass(240)
  expect(children).toHaveLength(2)
})

it('is offered again as soon as anything comes, and withdrawn again where nothing more does', async () => {
  const { process, child, children, offers, pass } = await running()
  child.computes = false
  process.generate(request, sink)
  await pass(100)
  expect(offers).toEqual([true, false])
  child.say({ type: 'pieces', pieces: [] })
  expect(offers).toEqual([true, false, true])
  child.say({ type: 'proved' })
  await pass(0)
  expect(offers).toEqual([true, false, true])
  await pass(100)
  expect([children.length, offers]).toEqual([1, [true, false, true, false]])
})

it('stays where it is only slow: it gives a token when it is asked for one', async () => {
  const { child, children, offers, pass, job } = await running()
  for (let i = 0; i < 20; i++) await job(60)
  await pass(600)
  expect(child.heard.filter((type) => type === 'prove').length).toBeGreaterThan(10)
  expect([children.length, offers]).toEqual([1, [true]])
})

it('is offered again when it gives the token after all', async () => {
  const { child, children, offers, pass, job } = await running()
  child.computes = false
  await job(60)
  await pass(60)
  child.say({ type: 'proved' })
  await pass(600)
  expect([children.length, offers]).toEqual([1, [true, false, true]])
})

it('is not withdrawn while it reads a long prompt, and the question waits', async () => {
  const { process, child, children, offers, pass } = await running()
  child.computes = false
  process.generate(request, sink)
  await pass(50)
  for (let i = 0; i < 40; i++) {
    child.say({ type: 'reading' })
    await pass(40)
  }
  expect([children.length, offers]).toEqual([1, [true]])
})

it('is asked nothing while its answers come, or nobody waits for one', async () => {
  const { child, pass, job } = await running()
  await pass(600)
  await job(20)
  await pass(600)
  expect(child.heard).not.toContain('prove')
})
