import { afterEach, describe, expect, it } from 'vitest'
import { FakeEngine } from '../../testing/fake-engine.ts'
import { RecordingSink, requestOf } from '../engine-conformance.ts'
import { OpenAiHttpEngine } from './openai-http.ts'

const model = 'big-model'
const hello = { messages: [{ role: 'user', content: 'hello' }] }

describe('a server that takes requests and answers none', () => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  async function made(silentMs = 0, options: { restartsItself?: boolean } = {}) {
    const server = new FakeEngine()
    await server.start()
    const engine = new OpenAiHttpEngine({
      url: server.url,
      models: [],
      probeMs: { up: 10_000, down: 20 },
      stuck: { silentMs, questionMs: [100, 100], pauseMs: 10 },
      ...options,
    })
    const offers: number[] = []
    const troubles: string[] = []
    await engine.start({
      modelsChanged: () => void offers.push(engine.models.length),
      trouble: (message) => void troubles.push(message),
    })
    closing.push(async () => {
      await engine.close()
      await server.close()
    })
    server.fault = 'silent'
    server.questions.length = 0
    const giveUp = async () => {
      const before = server.requests.length
      const run = engine.begin(requestOf(model, hello), new RecordingSink())
      await expect.poll(() => server.requests.length).toBe(before + 1)
      run.abort()
    }
    return { server, engine, offers, troubles, giveUp }
  }

  it('is not offered from then on, and again when it answers', async () => {
    const { server, engine, offers, troubles, giveUp } = await made()
    server.onQuestion = () => 'never'
    await giveUp()
    await expect.poll(() => engine.models).toEqual([])
    server.onQuestion = () => undefined
    // The question that hangs is broken off by the next look.
    await engine.lookNow()
    expect(engine.models).toHaveLength(1)
    expect(offers).toEqual([1, 0, 1])
    expect(troubles.at(-1)).toMatch(
      /^big-model leaves requests unanswered, .* start its server again$/,
    )
  })

  it.each([
    [false, 'if it stays like that, start its server again'],
    [true, 'if it stays like that, the agent starts its server again'],
  ])('says who starts it again (the agent: %s)', async (restartsItself, words) => {
    const { server, troubles, giveUp } = await made(0, { restartsItself })
    server.onQuestion = () => 'never'
    await giveUp()
    await expect.poll(() => troubles.at(-1)).toContain(words)
  })

  it('stays where the question waits behind the stream of another', async () => {
    const { server, engine, offers, giveUp } = await made()
    server.onQuestion = () => 'never'
    server.fault = 'none'
    server.tokenMs = 10
    const sink = new RecordingSink()
    engine.begin(requestOf(model, hello), sink)
    await expect.poll(() => sink.chunks.length).toBeGreaterThan(0)
    server.fault = 'silent'
    await giveUp()
    await expect.poll(() => sink.finishReason, { timeout: 10_000 }).toBe('stop')
    expect(server.questions).toEqual(['/chat/completions'])
    expect(offers).toEqual([1])
  })

  it('stays where it answers a question of one token', async () => {
    const { server, offers, giveUp } = await made()
    await giveUp()
    await expect.poll(() => server.questions).toEqual(['/chat/completions'])
    await giveUp()
    await expect.poll(() => server.questions).toHaveLength(2)
    expect(offers).toEqual([1])
  })

  it('is asked nothing where nobody has waited long', async () => {
    const { server, giveUp } = await made(60_000)
    await giveUp()
    await giveUp()
    expect(server.questions).toEqual([])
  })
})
