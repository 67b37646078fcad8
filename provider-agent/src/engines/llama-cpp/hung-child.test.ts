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
