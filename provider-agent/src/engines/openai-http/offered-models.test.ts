import { afterEach, describe, expect, it } from 'vitest'
import { FakeEngine } from '../../testing/fake-engine.ts'
import { ask } from '../engine-conformance.ts'
import { parseModelAlias } from './model-alias.ts'
import { OpenAiHttpEngine, type OpenAiHttpOptions } from './openai-http.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

interface Setting {
  /** Does to the server what has to be there at the first look. */
  readonly prepare?: (server: FakeEngine) => void
  readonly options?: Partial<OpenAiHttpOptions>
}

async function start({ prepare, options = {} }: Setting = {}) {
  const server = new FakeEngine()
  await server.start()
  prepare?.(server)
  const troubles: string[] = []
  let lost = 0
  const probeMs = { up: 20, down: 20 }
  const engine = new OpenAiHttpEngine({ url: server.url, models: [], probeMs, ...options })
  closing.push(async () => {
    await engine.close()
    await server.close()
  })
  const offers: string[][] = []
  const starting = engine.start({
    modelsChanged: () => void offers.push(engine.models.map(({ id }) => id)),
    cacheLost: () => void lost++,
    trouble: (message) => void troubles.push(message),
  })
  return { engine, server, troubles, offers, starting, lost: () => lost }
}

async function started(setting?: Setting) {
  const subject = await start(setting)
  await subject.starting
  return subject
}

const named = (...names: string[]) => ({ models: names.map(parseModelAlias) })
const library = (...names: string[]) => names.map((id) => ({ id, owned_by: 'somebody' }))

describe('a model is offered when it has answered', () => {
  it('not while all its answers are errors, and then with the next look', async () => {
    const { engine, server, troubles } = await started({
      prepare: (it) => (it.onQuestion = () => 500),
    })
    expect(engine.models).toEqual([])
    expect(troubles).toEqual([
      'big-model is not offered before it answers: the engine answered 500: not now',
    ])
    server.onQuestion = () => undefined
    await expect.poll(() => engine.models).toHaveLength(1)
  })

  it('also by a server that nobody knows, which is asked for the one model that it has', async () => {
    const { engine, server } = await started({ prepare: (it) => (it.models = library('sole')) })
    const { questions } = server
    expect(questions[0]).toBe('/chat/completions')
    expect(questions).not.toContain('/embeddings')
    expect(engine.models).toMatchObject([
      {
        id: 'sole',
        contextLength: 4096,
        endpoints: ['chat.completions', 'completions'],
        capabilities: ['tools', 'json_schema', 'logprobs', 'seed'],
      },
    ])
    // Another one is there to be loaded: what was asked before stays, and nothing more is asked.
    const before = questions.length
    server.models = library('sole', 'new')
    await engine.lookNow()
    expect(engine.models.map(({ id }) => id)).toEqual(['sole'])
    expect(questions).toHaveLength(before)
  })

  it('of several that might have to be loaded only those that are named', async () => {
    const prepare = (it: FakeEngine) => void (it.models = library('a', 'b'))
    const all = await started({ prepare })
    expect(all.engine.models).toEqual([])
    expect(all.server.questions).toEqual([])
    expect(all.troubles).toEqual([
      'the engine may load each model that it is asked for, and so none is offered unasked; ' +
        'it has a, b. Choose with --model NAME',
    ])
    const one = await started({ prepare, options: named('mine=b') })
    expect(one.engine.models.map(({ id }) => id)).toEqual(['mine'])
    expect(one.troubles).toEqual([])
  })

  it('for vectors, where it refuses to write', async () => {
    const { engine } = await started({
      prepare(it) {
        it.models = library('vectors')
        it.missing = ['/chat/completions', '/completions']
      },
    })
    expect(engine.models).toMatchObject([{ endpoints: ['embeddings'], capabilities: [] }])
  })

  it('without what it refuses, such as tools of a vLLM that was started without a parser', async () => {
    const { engine } = await started({
      prepare: (it) =>
        (it.onQuestion = (_, body) => (body['tools'] === undefined ? undefined : 400)),
    })
    expect(engine.models).toMatchObject([
      { capabilities: ['json_schema', 'logprobs', 'seed', 'choices', 'continue'] },
    ])
  })

  it.each([
    ['has not been missed yet', false],
    ['was found dead by another look', true],
  ])('and not by a look during which the engine died, which %s', async (_, isMissed) => {
    const { engine, server, offers } = await started()
    server.models = ['first', 'second'].map((id) => ({ id, owned_by: 'vllm' }))
    let closed: Promise<void> | undefined
    server.onQuestion = (_path, { model }) => {
      if (model === 'second') closed ??= server.close()
      if (isMissed && model === 'second') void engine.lookNow()
      return undefined
    }
    await engine.lookNow()
    await closed
    expect(closed).toBeDefined()
    expect(engine.models).toEqual([])
    expect(offers).toEqual([['big-model'], []])
    // So that it can be closed like the others.
    await server.start()
  })
})

it('a look goes on in place of one whose question hangs', async () => {
  const { engine, server, starting } = await start({
    prepare(it) {
      // It may be loading, and has minutes for that.
      it.models = library('sole')
      it.onQuestion = () => 'never'
    },
  })
  await expect.poll(() => server.questions).toHaveLength(1)
  server.onQuestion = () => undefined
  await engine.lookNow()
  expect(engine.models).toHaveLength(1)
  await starting
})

describe('what was found out about a model', () => {
  it.each([
    ['other weights', { root: '/models/other' }],
    ['another context', { max_model_len: 64 }],
    ['another server', { owned_by: 'sglang' }],
  ])('is found out again when its name stands for %s', async (_, change) => {
    const listed = { id: 'm', owned_by: 'vllm', root: '/models/one', max_model_len: 128 }
    const { engine, server } = await started({ prepare: (it) => (it.models = [listed]) })
    expect(engine.models[0]?.endpoints).toContain('embeddings')
    const { length } = server.questions
    await engine.lookNow()
    expect(server.questions).toHaveLength(length)
    server.missing = ['/embeddings']
    server.models = [{ ...listed, ...change }]
    await engine.lookNow()
    expect(engine.models[0]?.endpoints).toEqual(['chat.completions', 'completions'])
  })

  it('is found out again after a restart that only its counters show', async () => {
    const gauges = (written: number) =>
      `vllm:num_requests_running 0\nvllm:num_requests_waiting 0\nvllm:generation_tokens_total ${written}\n`
    const { engine, server, lost, offers } = await started({
      prepare: (it) => (it.pages = { '/metrics': gauges(100) }),
      options: { probeMs: { up: 20, down: 20, load: 5 } },
    })
    await expect.poll(() => engine.load).toBeDefined()
    server.missing = ['/embeddings']
    server.pages = { '/metrics': gauges(1) }
    await expect
      .poll(() => engine.models[0]?.endpoints)
      .toEqual(['chat.completions', 'completions'])
    expect(lost()).toBe(1)
    expect(offers).toEqual([['big-model'], [], ['big-model']])
  })
})

describe('a server is known by what it documents', () => {
  const info = {
    model_id: 'm',
    max_input_tokens: 1024,
    max_total_tokens: 2048,
    router: 'text-generation-router',
    version: '3.0.0',
  }
  const lmStudio = {
    models: [
      {
        type: 'llm',
        key: 'm',
        loaded_instances: [{ id: 'm', config: { context_length: 6000 } }],
        max_context_length: 32_768,
      },
    ],
  }
  const usual = ['tools', 'json_schema', 'logprobs', 'seed']
  it.each([
    ['TGI', { '/info': info }, 2048, usual],
    ['LM Studio', { '/api/v1/models': lmStudio }, 6000, ['tools', 'json_schema', 'seed']],
  ])(
    '%s, with the context that it gives a model',
    async (_, pages, contextLength, capabilities) => {
      const { engine } = await started({
        prepare(it) {
          it.models = library('m')
          it.pages = pages
        },
      })
      expect(engine.models).toMatchObject([{ id: 'm', contextLength, capabilities }])
    },
  )

  it('Ollama, but no model that its cloud would answer for: it is not even asked', async () => {
    const { engine, server, troubles } = await started({
      prepare(it) {
        it.models = library('gpt-oss:120b-cloud')
        it.pages = {
          '/api/version': { version: '0.12.6' },
          '/api/show': { capabilities: ['tools'], remote_host: 'https://ollama.com:443' },
        }
      },
    })
    expect([engine.models, server.questions]).toEqual([[], []])
    expect(troubles).toEqual([
      'gpt-oss:120b-cloud is not offered before it answers: it is computed at https://ollama.com:443, ' +
        'and no customer has agreed to that',
    ])
  })

  it('llama-server, whose template may have no tools', async () => {
    const { engine } = await started({
      prepare(it) {
        it.models = [{ id: 'm', owned_by: 'llamacpp' }]
        it.pages = { '/props': { chat_template: '{{ messages }}', build_info: 'b1' } }
      },
    })
    expect(engine.models[0]?.capabilities).toEqual([
      'json_schema',
      'logprobs',
      'seed',
      'choices',
      'continue',
    ])
  })

  it('TGI gets no field that it would take for a mistake', async () => {
    const { engine, server } = await started({
      prepare(it) {
        it.models = library('m')
        it.pages = { '/info': info }
      },
    })
    const body = { messages: [{ role: 'user', content: 'q' }], logit_bias: { 5: 1 }, top_p: 0.5 }
    expect((await ask(engine, 'm', body)).finishReason).toBe('stop')
    expect(server.requests[0]?.body).toMatchObject({ top_p: 0.5 })
    expect(server.requests[0]?.body).not.toHaveProperty('logit_bias')
  })
})
