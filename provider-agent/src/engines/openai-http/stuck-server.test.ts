import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeEngine } from '../../testing/fake-engine.ts'
import { RecordingSink, requestOf } from '../engine-conformance.ts'
import type { EngineRequest, EngineSink } from '../engine.ts'
import { OpenAiHttpEngine } from './openai-http.ts'
import { SilentCalls } from './silent-calls.ts'

const model = 'big-model'
const hello = { messages: [{ role: 'user', content: 'hello' }] }

describe('calls that an engine leaves unanswered', () => {
  function make() {
    const stuck: string[] = []
    let now = 1_000
    let asked = 0
    let answers = false
    const calls = new SilentCalls({
      stuckMs: 100,
      now: () => now,
      stillAnswers: async () => {
        asked++
        return answers
      },
      onStuck: (id) => void stuck.push(id),
    })
    const begin = (request: Partial<EngineRequest> = {}) => {
      let inner: EngineSink | undefined
      const asked = { stream: true, model: 'm', ...request }
      const run = calls.watch(asked, new RecordingSink(), (sink) => {
        inner = sink
        return { pause() {}, resume() {}, abort() {}, usage: () => ({}) as never }
      })
      return { run, sink: inner as EngineSink }
    }
    return {
      begin,
      /** Those that do not answer any more, and how many were asked. */
      found: async () => {
        await turn()
        return { stuck, asked }
      },
      pass: (ms: number) => (now += ms),
      answer: () => (answers = true),
    }
  }

  it('are noticed when a stream is given up on', async () => {
    const { begin, found, pass } = make()
    const [one, other] = [begin(), begin()]
    pass(100)
    for (const { run } of [one, one, other]) run.abort()
    expect(await found()).toEqual({ stuck: ['m'], asked: 1 })
  })

  it('and forgiven where it answers a question', async () => {
    const { begin, found, pass, answer } = make()
    answer()
    const { run } = begin()
    pass(100)
    run.abort()
    expect(await found()).toEqual({ stuck: [], asked: 1 })
  })

  it('also when it stops in the middle', async () => {
    const { begin, found, pass } = make()
    const { run, sink } = begin()
    pass(90)
    sink.data(Buffer.from('x'))
    pass(110)
    run.abort()
    expect(await found()).toEqual({ stuck: ['m'], asked: 1 })
  })

  it.each<[string, (made: ReturnType<typeof make>) => void]>([
    [
      'the client leaves early',
      ({ begin, pass }) => {
        const { run } = begin()
        pass(99)
        run.abort()
      },
    ],
    [
      'others are answered meanwhile',
      ({ begin, pass }) => {
        const [one, other] = [begin(), begin()]
        pass(90)
        other.sink.data(Buffer.from('x'))
        pass(20)
        one.run.abort()
      },
    ],
    [
      'nobody reads',
      ({ begin, pass }) => {
        const { run } = begin()
        run.pause()
        pass(200)
        run.abort()
      },
    ],
    [
      'it comes at its end',
      ({ begin, pass }) => {
        const { run } = begin({ stream: false })
        pass(200)
        run.abort()
      },
    ],
    [
      'it was over, and another waits',
      ({ begin, pass }) => {
        begin()
        const { run, sink } = begin()
        sink.fail({ fault: 'provider', code: 'x', message: '' })
        pass(200)
        run.abort()
      },
    ],
  ])('not where %s', async (_, play) => {
    const made = make()
    play(made)
    expect(await made.found()).toEqual({ stuck: [], asked: 0 })
  })
})

describe('a server that takes requests and answers none', () => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  async function made(stuck = 0) {
    const server = new FakeEngine()
    await server.start()
    const probeMs = { up: 10_000, down: 20, stuck, stuckAnswer: 100 }
    const engine = new OpenAiHttpEngine({ url: server.url, models: [], probeMs })
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
