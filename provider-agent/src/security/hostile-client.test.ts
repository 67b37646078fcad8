import { compileChatTemplate } from '@infernet/models/chat-template'
import { FRAME } from '@infernet/schemas/frame'
import { encodeJob } from '@infernet/schemas/wire'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../engines/engine-conformance.ts'
import { LlamaCppEngine } from '../engines/llama-cpp/llama-cpp.ts'
import { demoModel } from '../engines/model-file.ts'
import { OpenAiHttpEngine } from '../engines/openai-http/openai-http.ts'
import type { FakeSession } from '../testing/fake-edge.ts'
import { FakeEngine } from '../testing/fake-engine.ts'
import {
  privateServer,
  threatenedAgent,
  type PrivateServer,
  type ThreatenedAgent,
} from './threatened-agent.ts'

const MODEL = 'big-model'
const user = (content: unknown, more: object = {}) => [{ role: 'user', content, ...more }]
const hello = { messages: user('hello') }

/** Requests that name `url` wherever an engine may look for one. */
function requestsNaming(url: string): readonly object[] {
  const part = (one: object) => ({ messages: user([{ type: 'text', text: 'see' }, one]) })
  const schema = { type: 'object', properties: { a: { $ref: url } } }
  const call = { name: 'f', parameters: schema }
  return [
    part({ type: 'image_url', image_url: { url } }),
    part({ type: 'image_url', image_url: url }),
    part({ type: 'text', text: 'hi', uuid: 'x', image_url: url }),
    part({ type: 'text', text: 'hi', uuid: 'x', video_url: { url } }),
    part({ image_url: url }),
    part({ type: 'video_url', video_url: { url } }),
    part({ type: 'audio_url', audio_url: { url } }),
    part({ type: 'input_audio', input_audio: { data: url, format: 'wav' } }),
    part({ type: 'file', file: { file_data: `${' '.repeat(64)}${url}` } }),
    part({ type: 'file', file: { file_id: 'f', file_url: url } }),
    { messages: user('hi', { images: [url] }) },
    { ...hello, tools: [{ type: 'mcp', server_url: url }] },
    { ...hello, tools: [{ type: 'function', function: call }] },
    { ...hello, response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } },
    { ...hello, response_format: { type: 'structural_tag', format: { schema } } },
    { ...hello, chat_template: url, chat_template_kwargs: { chat_template: url, logo: url } },
    { ...hello, model: url, media_io_kwargs: { url }, lora_path: url, plugins: [{ url }] },
    { ...hello, bootstrap_host: url, a_field_of_next_year: { deep: [url] }, user: url },
  ]
}

/** What an engine does that opens all that looks like an address. */
async function openAddresses(value: unknown): Promise<void> {
  if (typeof value === 'string' && /^\s*http:/.test(value)) await fetch(value.trim())
  if (typeof value !== 'object' || value === null) return
  for (const member of Object.values(value)) await openAddresses(member)
}

describe.each([
  ['an engine that nobody knows', { id: MODEL }],
  ['vLLM', { id: MODEL, owned_by: 'vllm', max_model_len: 128 }],
])('a client of %s', (_, listed) => {
  const engine = new FakeEngine()
  let hidden: PrivateServer
  let world: ThreatenedAgent
  let session: FakeSession
  let channel = 0
  beforeAll(async () => {
    hidden = await privateServer()
    engine.models = [listed]
    await engine.start()
    const http = new OpenAiHttpEngine({ url: engine.url, models: [] })
    world = await threatenedAgent(http)
    session = await world.edge.session()
  })
  afterAll(async () => {
    await world.close()
    await engine.close()
    hidden.close()
  })

  const asked = async (body: object) => {
    session.give(++channel, body, { model: MODEL })
    return session.answer(channel)
  }

  it('leads no engine to a private address', async () => {
    await openAddresses({ control: `${hidden.url}/control` })
    expect(hidden.visits).toEqual(['GET /control'])
    for (const body of requestsNaming(`${hidden.url}/latest/meta-data`)) await asked(body)
    for (const { body } of engine.requests) await openAddresses(body)
    expect(engine.requests.length).toBeGreaterThan(3)
    expect(hidden.visits).toEqual(['GET /control'])
  })

  it('leads no engine to a file', async () => {
    const before = engine.requests.length
    for (const body of requestsNaming('file:///etc/passwd')) await asked(body)
    expect(JSON.stringify(engine.requests.slice(before))).not.toContain('/etc/passwd')
  })

  it('names no model but those that are offered', async () => {
    for (const model of ['../../etc/passwd', '/etc/passwd', `${MODEL}/../x`, 'http://10.0.0.1/']) {
      session.give(++channel, hello, { model })
      expect((await session.answer(channel)).types).toHaveLength(1)
    }
    await asked({ ...hello, model: '/etc/passwd' })
    expect(new Set(engine.requests.map(({ body }) => body['model']))).toEqual(new Set([MODEL]))
  })

  it('breaks nothing with a body that is nested 100,000 levels deep', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    for (const field of ['logit_bias', 'tools', 'a_field_of_next_year']) {
      const text = `{"messages":[{"role":"user","content":"hi"}],"${field}":${deep}}`
      const header = session.give(++channel, hello, { model: MODEL })
      await session.answer(channel)
      session.send(FRAME.job, ++channel, encodeJob(header, Buffer.from(text)))
      await session.answer(channel)
    }
    expect((await asked(hello)).end).toBeDefined()
  })
})

describe('a client of the embedded llama.cpp', () => {
  const id = 'infernet-demo'
  const engine = new LlamaCppEngine({ files: [demoModel()], slots: 2, gpu: false }, Date.now)
  const troubles: string[] = []
  beforeAll(() =>
    engine.start({ modelsChanged: () => {}, trouble: (message) => troubles.push(message) }),
  )
  afterAll(() => engine.close())

  const formed = (schema: object) => ({
    messages: user('hi'),
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
  })

  it.each([
    ['a text of a million letters', { type: 'string', minLength: 1e6, maxLength: 2e6 }],
    ['a list of a million', { type: 'array', items: { type: 'string' }, minItems: 1e6 }],
    ['lists of lists of lists', listsOf(listsOf(listsOf({ type: 'string' })))],
    ['a definition that is itself', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }],
    ['a pattern', { type: 'string', pattern: '(a+)+$' }],
    ['5,000 alternatives', { oneOf: Array.from({ length: 5_000 }, () => ({ type: 'string' })) }],
  ])('does not stop it with a schema of %s', async (_, schema) => {
    await ask(engine, id, formed(schema), { max_output_tokens: 4 })
    const { error } = await ask(engine, id, { messages: user('hi') }, { max_output_tokens: 4 })
    expect(error).toBeUndefined()
    expect(troubles).toEqual([])
  })

  it('cannot have it read a prompt or a name as a template', () => {
    const render = compileChatTemplate('{% for m in messages %}{{ m.content }}{% endfor %}', {
      bosToken: '',
      eosToken: '',
    })
    const content = '{{ 7 * 7 }}{% for x in range(10 ** 9) %}x{% endfor %}'
    expect(render({ messages: [{ role: 'user', content }], tools: [] })).toBe(content)
  })
})

function listsOf(items: object): object {
  return { type: 'array', minItems: 1_000, maxItems: 1_000, items }
}
