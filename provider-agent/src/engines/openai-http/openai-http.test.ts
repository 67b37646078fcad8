import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeEngine, type EngineFault } from '../../testing/fake-engine.ts'
import {
  ask,
  contentOf,
  engineConformance,
  eventsOf,
  RecordingSink,
  requestOf,
} from '../engine-conformance.ts'
import { EngineStartError } from '../engine.ts'
import { connectEngine } from './engine-connection.ts'
import { parseModelAlias } from './model-alias.ts'
import { OpenAiHttpEngine, type OpenAiHttpOptions } from './openai-http.ts'
import { probe } from './probe.ts'

const probeMs = { up: 20, down: 20 }
const model = 'big-model'
const hello = { messages: [{ role: 'user', content: 'hello' }] }

async function makeHttp(options: Partial<OpenAiHttpOptions> = {}) {
  const server = new FakeEngine()
  await server.start()
  const troubles: string[] = []
  let changes = 0
  const engine = new OpenAiHttpEngine({ url: server.url, models: [], probeMs, ...options })
  await engine.start({
    modelsChanged: () => changes++,
    trouble: (message) => troubles.push(message),
  })
  const dispose = async () => {
    await engine.close()
    await server.close()
  }
  const seen = { troubles, changes: () => changes }
  return { engine, server, model, longQuestion: 'hello', isReal: false, ...seen, dispose }
}

engineConformance('openai-http', makeHttp)

describe('openai-http', () => {
  it('reaches a server over a socket in the file system, as if it were local', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'engine.sock')
    const asked: unknown[] = []
    const server = createServer(({ url, headers }, response) => {
      asked.push([url, headers.authorization])
      response.end(JSON.stringify({ data: [{ id: 'm', owned_by: 'vllm' }] }))
    }).listen(path)
    await once(server, 'listening')
    const connection = connectEngine(`unix:${path}`, 'k')
    expect(connection).toMatchObject({ isLocal: true, base: `unix:${path}` })
    expect((await probe(connection)).models).toMatchObject([{ name: 'm' }])
    expect(asked).toEqual([['/v1/models', 'Bearer k']])
    server.close()
    await once(server, 'close')
    await expect(probe(connection)).rejects.toThrow(`the engine at unix:${path} is not running`)
    rmSync(path, { force: true })
    await expect(probe(connection)).rejects.toThrow('is not running')
  })

  const open: { dispose: () => Promise<void> }[] = []
  afterEach(async () => {
    for (const subject of open.splice(0)) await subject.dispose()
  })
  const make = async (options?: Partial<OpenAiHttpOptions>) => {
    const subject = await makeHttp(options)
    open.push(subject)
    return subject
  }

  const BROKEN: [EngineFault, boolean, string][] = [
    ['cut', true, 'engine_cut'],
    ['cut', false, 'engine_cut'],
    ['no_finish', true, 'engine_cut'],
    ['done_without_finish', true, 'engine_cut'],
    ['error_event', true, 'engine_error'],
    ['not_json', true, 'not_json'],
    ['not_json', false, 'engine_protocol'],
    ['not_sse', true, 'engine_protocol'],
    ['giant', true, 'event_too_large'],
    ['giant', false, 'answer_too_large'],
    ['redirect', true, 'engine_http_302'],
    [{ status: 500, body: { error: { message: 'boom' } } }, true, 'engine_http_500'],
    [{ status: 503, body: 'loading' }, false, 'engine_http_503'],
    [{ status: 401, body: {} }, true, 'engine_http_401'],
    [{ status: 404, body: {} }, true, 'engine_http_404'],
    [{ status: 429, body: {} }, true, 'engine_http_429'],
  ]
  it.each(BROKEN)(
    'takes the blame when the engine does %j (stream: %s)',
    async (fault, stream, code) => {
      const { engine, server } = await make()
      server.fault = fault
      const { error, finishReason } = await ask(engine, model, hello, { stream })
      expect(error).toMatchObject({ fault: 'provider', code })
      expect(finishReason).toBeUndefined()
    },
  )

  it.each([
    [
      { error: { message: 'bad temperature', type: 'x', param: 'temperature', code: 'bad' } },
      'bad',
    ],
    [
      { error: { message: 'too long', type: 'exceed_context_size_error', code: 400 } },
      'context_length_exceeded',
    ],
    [{ object: 'error', message: 'flat and old', code: 400 }, 'invalid_request'],
    [{ detail: [{ msg: 'field required' }] }, 'invalid_request'],
  ])('gives the client its own mistake back: %j', async (body, code) => {
    const { engine, server } = await make()
    server.fault = { status: 400, body }
    const { error } = await ask(engine, model, hello)
    expect(error).toMatchObject({ fault: 'request', status: 400, code })
    expect(error?.message).toMatch(/bad temperature|too long|flat and old|field required/)
  })

  it.each([
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
    'The decoder prompt (length 5951) is longer than the maximum model length of 4096.',
    "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    'the request exceeds the available context size, try increasing it',
    '`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens',
    'The model is loaded with context length of only 4096 tokens, which is not enough.',
  ])('says in OpenAI’s word that a prompt does not fit: %s', async (message) => {
    const { engine, server } = await make()
    server.fault = { status: 400, body: { error: { message, code: 400 } } }
    const { error } = await ask(engine, model, hello)
    expect(error).toMatchObject({ fault: 'request', code: 'context_length_exceeded', message })
  })

  it.each(['no_done', 'close_early'] as const)(
    'takes an answer for complete: %s',
    async (fault) => {
      const { engine, server } = await make()
      server.fault = fault
      const { finishReason, error } = await ask(engine, model, hello)
      expect({ finishReason, error }).toEqual({ finishReason: 'stop', error: undefined })
    },
  )

  it('counts for itself, and says so, when the engine does not', async () => {
    const { engine, server } = await make()
    server.fault = 'no_usage'
    const { run } = await ask(engine, model, hello)
    expect(run?.usage()).toMatchObject({ completion_tokens: 40, estimated: true })
  })

  it('reaches the engine at once with an abort, and counts what came', async () => {
    const { engine, server } = await make()
    server.tokenMs = 5
    const sink = new RecordingSink()
    const run = engine.begin(requestOf(model, hello), sink)
    await sink.begun
    run.abort()
    await expect.poll(() => server.aborted).toBe(1)
    expect(run.usage().estimated).toBe(true)
    expect(run.usage().completion_tokens).toBeLessThan(40)
  })

  it('asks with its own limits and without what is none of the engine’s business', async () => {
    const { engine, server } = await make()
    const body = { ...hello, user: 'me', max_tokens: 500, top_k: 3, grammar: 'root ::= "x"' }
    await ask(engine, model, body, { max_output_tokens: 7 })
    const [request] = server.requests
    expect(request?.body).toMatchObject({
      model,
      max_tokens: 7,
      top_k: 3,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(request?.body).not.toHaveProperty('user')
    expect(request?.body).not.toHaveProperty('grammar')
  })

  it('reuses connections for whole answers, and survives their death', async () => {
    const { engine, server } = await make()
    server.requestsPerSocket = 2
    for (let i = 0; i < 5; i++) {
      const { finishReason } = await ask(engine, model, hello, { stream: false })
      expect(finishReason).toBe('stop')
    }
    const connections = server.requests.map(({ connection }) => connection)
    // The third on a socket dies and is sent again on a connection of its own.
    expect(connections).toEqual([
      'keep-alive',
      'keep-alive',
      'keep-alive',
      'close',
      'keep-alive',
      'keep-alive',
    ])
  })

  it('leaves the connection of a stream that has ended to the next', async () => {
    const { engine, server } = await make()
    const ports = new Set<number | undefined>()
    // As late as the next job of a client that has read the answer.
    const isReused = async () => {
      expect((await ask(engine, model, hello)).finishReason).toBe('stop')
      ports.add(server.requests.at(-1)?.port)
      return ports.size < server.requests.length
    }
    await expect.poll(isReused).toBe(true)
    expect(server.aborted).toBe(0)
  })

  it('drops the connection of a stream that does not end', async () => {
    const { engine, server } = await make()
    server.fault = 'no_end'
    expect((await ask(engine, model, hello)).finishReason).toBe('stop')
    expect(server.aborted).toBe(0)
    await expect.poll(() => server.aborted, { timeout: 5_000 }).toBe(1)
  })

  it('never reuses a connection of llama-server', async () => {
    const { engine, server } = await make()
    server.models = [{ id: model, owned_by: 'llamacpp', meta: { n_ctx: 256 } }]
    await expect.poll(() => engine.models[0]?.contextLength).toBe(256)
    for (const stream of [true, false]) await ask(engine, model, hello, { stream })
    expect(server.requests.map(({ connection }) => connection)).toEqual(['close', 'close'])
  })

  it('refuses remote media before the engine sees it', async () => {
    const { engine, server } = await make()
    const image = { type: 'image_url', image_url: { url: 'http://169.254.169.254/' } }
    const { error } = await ask(engine, model, { messages: [{ role: 'user', content: [image] }] })
    expect(error).toMatchObject({ fault: 'request', code: 'remote_url_not_supported' })
    expect(server.requests).toHaveLength(0)
  })

  it('offers a model under another name and uses that name throughout', async () => {
    const { engine, server } = await make({ models: [parseModelAlias('nice=big-model')] })
    expect(engine.models).toMatchObject([{ id: 'nice', contextLength: 128 }])
    const { text } = await ask(engine, 'nice', hello)
    expect(new Set(eventsOf(text).map((event) => event['model']))).toEqual(new Set(['nice']))
    expect(contentOf(text)).toContain('w39 ')
    expect(server.requests[0]?.body['model']).toBe('big-model')
    const whole = await ask(engine, 'nice', hello, { stream: false })
    expect(JSON.parse(whole.text)).toMatchObject({ model: 'nice' })
  })

  it('withdraws its models while the engine is down and finds it again', async () => {
    const subject = await make()
    const { engine, server, troubles } = subject
    const { port } = server
    await server.close()
    const { error } = await ask(engine, model, hello)
    expect(error).toMatchObject({ fault: 'provider' })
    await expect.poll(() => engine.models).toEqual([])
    expect(troubles.filter((message) => message.includes('is not running'))).toHaveLength(1)
    await server.start(port)
    await expect.poll(() => engine.models).toHaveLength(1)
    expect((await ask(engine, model, hello)).finishReason).toBe('stop')
  })

  it('says which wanted models the engine lacks', async () => {
    const { engine, troubles } = await make({ models: [parseModelAlias('other')] })
    expect(engine.models).toEqual([])
    expect(troubles).toEqual([expect.stringContaining('it has big-model')])
  })

  it('reads the context length in every dialect', async () => {
    const { engine, server } = await make()
    server.models = [
      { id: 'a', owned_by: 'vllm', max_model_len: 10 },
      { id: 'b', meta: { n_ctx: 20, n_ctx_train: 30 } },
      { id: 'c' },
      { id: 'with space' },
    ]
    await expect
      .poll(() => engine.models.map(({ id, contextLength }) => [id, contextLength]))
      .toEqual([
        ['a', 10],
        ['b', 20],
        ['c', 4096],
      ])
  })

  it('finds out what each model of a known server is for', async () => {
    const { engine, server } = await make()
    expect(engine.models[0]).toMatchObject({
      endpoints: ['chat.completions', 'completions', 'embeddings'],
      capabilities: ['tools', 'json_schema', 'logprobs', 'seed', 'choices', 'continue'],
    })
    expect(server.requests).toEqual([])
    server.missing = ['/chat/completions', '/completions']
    server.models = [{ id: 'vectors', owned_by: 'vllm', max_model_len: 512 }]
    await expect
      .poll(() => engine.models)
      .toMatchObject([{ id: 'vectors', endpoints: ['embeddings'], capabilities: [] }])
  })

  it('believes its owner before what it found out', async () => {
    const overrides = {
      capabilities: ['seed'],
      endpoints: ['completions'],
      quantization: 'fp8',
    } as const
    const { engine } = await make({ overrides })
    expect(engine.models[0]).toMatchObject(overrides)
  })

  it('takes the beginning out when an engine says it again', async () => {
    const { engine, server } = await make()
    server.echoes = true
    server.models = [{ id: 'echo', owned_by: 'llamacpp' }]
    await expect.poll(() => engine.models[0]?.id).toBe('echo')
    const begun = { role: 'assistant', content: 'w0 w1 w2 ' }
    const messages = [...hello.messages, begun]
    const { text, finishReason } = await ask(engine, 'echo', { messages }, { continues: true })
    expect(contentOf(text)).toMatch(/^w3 w4 .*w39 $/)
    expect(finishReason).toBe('stop')
    server.echoes = false
    const other = await ask(engine, 'echo', { messages }, { continues: true })
    expect(other.error).toMatchObject({ fault: 'provider', code: 'not_continued' })
    expect(contentOf(other.text)).toBe('')
  })

  it('tells the engine that it goes on, in its words', async () => {
    const { engine, server } = await make()
    const begun = [...hello.messages, { role: 'assistant', content: 'w0 ' }]
    await ask(engine, model, { messages: begun }, { continues: true })
    const body = { prompt: 'w0 w1 ', echo: true }
    await ask(engine, model, body, { endpoint: 'completions', continues: true })
    expect(server.requests).toMatchObject([
      {
        path: '/chat/completions',
        body: { continue_final_message: true, add_generation_prompt: false },
      },
      { path: '/completions', body: { prompt: 'w0 w1 ', max_tokens: 16, stream: true } },
    ])
    expect(server.requests[1]?.body).not.toHaveProperty('echo')
  })

  it('refuses an address that is none', () => {
    expect(() => new OpenAiHttpEngine({ url: 'localhost', models: [] })).toThrow(EngineStartError)
  })
})
