import { describe, expect, it } from 'vitest'
import { demoModel } from '../engines/model-file.ts'
import type { Engine } from '../engines/engine.ts'
import { OpenAiHttpEngine } from '../engines/openai-http/openai-http.ts'
import { TinyEngine } from '../engines/tiny.ts'
import { FakeEngine } from '../testing/fake-engine.ts'
import { engineCheck, type EngineLimits, type RunningEngine } from './engine-check.ts'
import { runChecks } from './run-checks.ts'

const AWAKE: RunningEngine = { engine: 'tiny', paused: null, resting: false }

interface Around {
  readonly isEmbedded?: boolean
  readonly agent?: RunningEngine
  readonly limits?: EngineLimits
}

async function look(create: () => Engine, { isEmbedded = false, agent, limits }: Around = {}) {
  const now = () => performance.now()
  const running = async () => agent
  const check = engineCheck({ create, isEmbedded, running, now, ...(limits && { limits }) })
  const [result] = await runChecks([check], { signal: new AbortController().signal, now })
  return result!
}

/** Notes whether it was left running. */
class WatchedEngine extends TinyEngine {
  closed = 0
  override async close(): Promise<void> {
    this.closed++
    await super.close()
  }
}

const server = (url: string) =>
  new OpenAiHttpEngine({ url, key: undefined, models: [], context: undefined, overrides: {} })

describe('the check of an engine', () => {
  it('has each model answer, and leaves nothing running', async () => {
    const engine = new WatchedEngine([demoModel()], Date.now)
    const { outcome, said } = await look(() => engine, { isEmbedded: true })
    expect(outcome).toBe('ok')
    expect(said).toMatch(/^tiny: infernet-demo answered in \d+\.\d s \(\d tokens\)$/)
    expect(engine.closed).toBe(1)
  })

  const create = () => {
    throw new Error('it was loaded')
  }

  it('loads no model that the running agent has', async () => {
    const found = await look(create, { isEmbedded: true, agent: AWAKE })
    expect(found).toMatchObject({ outcome: 'skipped' })
  })

  it('finds nothing wrong with one that rests', async () => {
    const agent = { engine: 'tiny', paused: 'somebody else uses a GPU', resting: true }
    expect(await look(create, { isEmbedded: true, agent })).toMatchObject({
      outcome: 'ok',
      said: 'tiny rests, and its memory is free: somebody else uses a GPU',
    })
  })

  it('asks a server also while an agent runs, and passes on what it says', async () => {
    const fake = new FakeEngine()
    await fake.start()
    const found = await look(() => server(fake.url), { agent: AWAKE })
    expect(found.outcome).toBe('ok')
    fake.fault = { status: 500, body: { error: { message: 'out of memory' } } }
    const broken = await look(() => server(fake.url))
    await fake.close()
    expect(broken).toMatchObject({ outcome: 'failed' })
    expect(broken.said).toContain('out of memory')
  })

  it('says what to do about a server that offers nothing', async () => {
    const fake = new FakeEngine()
    await fake.start()
    fake.models = [{ id: 'a' }, { id: 'b' }]
    const unnamed = await look(() => server(fake.url))
    fake.models = [{ id: 'a' }]
    fake.onQuestion = () => 503
    const busy = await look(() => server(fake.url))
    await fake.close()
    expect(unnamed).toMatchObject({ outcome: 'failed', fix: expect.stringContaining('--model') })
    expect(unnamed.said).toContain('it has a, b')
    expect(busy).toMatchObject({ outcome: 'failed', fix: expect.stringContaining('log') })
    expect(busy.said).toContain('503')
  })

  const SOON = { startMs: 50, answerMs: 50 }
  const LATE = { startMs: 30_000, answerMs: 30_000 }

  it('does not wait for ever for a server that leaves the questions of a start unanswered', async () => {
    const fake = new FakeEngine()
    await fake.start()
    fake.onQuestion = () => 'never'
    const found = await look(() => server(fake.url), { limits: { ...LATE, startMs: 50 } })
    await fake.close()
    expect(found).toMatchObject({
      outcome: 'failed',
      said: 'openai-http: it was not ready after 0.05 s: its server does not answer, or loads a model',
      fix: expect.stringContaining('log'),
    })
  })

  it('does not wait for ever for an answer', async () => {
    const fake = new FakeEngine()
    await fake.start()
    fake.fault = 'silent'
    const found = await look(() => server(fake.url), { limits: { ...LATE, answerMs: 50 } })
    await fake.close()
    expect(found).toMatchObject({
      outcome: 'failed',
      said: 'openai-http: big-model has not answered a question of a few tokens in 0.05 s',
      fix: expect.stringContaining('start it anew'),
    })
  })

  it('closes an engine that is not ready in time, and says what its owner can do', async () => {
    class Endless extends WatchedEngine {
      override start(): Promise<void> {
        return new Promise(() => {})
      }
    }
    const engine = new Endless([demoModel()], Date.now)
    const found = await look(() => engine, { isEmbedded: true, limits: SOON })
    expect(found).toMatchObject({
      outcome: 'failed',
      fix: expect.stringContaining('smaller model'),
    })
    expect(engine.closed).toBe(1)
  })

  it('says what is waited for', () => {
    const create = () => server('http://127.0.0.1:1')
    const rest = { create, running: async () => undefined, now: Date.now }
    const own = engineCheck({ ...rest, isEmbedded: true })
    const served = engineCheck({ ...rest, isEmbedded: false })
    expect([own.waitsFor, served.waitsFor]).toEqual([
      'to load its models, which may take minutes',
      'its server has 30 s for each answer',
    ])
  })

  it('says what is wrong with one that does not start, or serves nothing', async () => {
    const missing = new TinyEngine([{ id: 'm', path: '/no/such.gguf' }], Date.now)
    expect(await look(() => missing)).toMatchObject({ outcome: 'failed' })
    const found = await look(() => server('http://127.0.0.1:1'))
    expect(found.outcome).toBe('failed')
    expect(found.said).toContain('http://127.0.0.1:1')
  })
})
