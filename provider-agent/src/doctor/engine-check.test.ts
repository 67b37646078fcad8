import { describe, expect, it } from 'vitest'
import { demoModel } from '../engines/model-file.ts'
import type { Engine } from '../engines/engine.ts'
import { OpenAiHttpEngine } from '../engines/openai-http/openai-http.ts'
import { TinyEngine } from '../engines/tiny.ts'
import { FakeEngine } from '../testing/fake-engine.ts'
import { engineCheck } from './engine-check.ts'
import { runChecks } from './run-checks.ts'

async function look(create: () => Engine, { isEmbedded = false, isRunning = false } = {}) {
  const now = () => performance.now()
  const check = engineCheck({ create, isEmbedded, isRunning: async () => isRunning, now })
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

  it('loads no model that the running agent has', async () => {
    const create = () => {
      throw new Error('it was loaded')
    }
    const found = await look(create, { isEmbedded: true, isRunning: true })
    expect(found).toMatchObject({ outcome: 'skipped' })
  })

  it('asks a server also while an agent runs, and passes on what it says', async () => {
    const fake = new FakeEngine()
    await fake.start()
    const found = await look(() => server(fake.url), { isRunning: true })
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

  it('says what is wrong with one that does not start, or serves nothing', async () => {
    const missing = new TinyEngine([{ id: 'm', path: '/no/such.gguf' }], Date.now)
    expect(await look(() => missing)).toMatchObject({ outcome: 'failed' })
    const found = await look(() => server('http://127.0.0.1:1'))
    expect(found.outcome).toBe('failed')
    expect(found.said).toContain('http://127.0.0.1:1')
  })
})
