import { describe, expect, it } from 'vitest'
import { chatExamples, schemaProblems } from '../test/openai-schema.ts'
import { ApiError } from './api-error.ts'
import { checkChatRequest } from './chat-request.ts'
import type { ChatRequestBody } from './chat-request-schema.ts'
import { engineRequest, refuseRemoteMedia } from './engine-request.ts'
import { type EngineKind, isDenied, PARAMETERS, reachesEngine } from './parameter-table.ts'

const KINDS: readonly EngineKind[] = ['openai', 'vllm', 'llama-server', 'embedded']
const user = { role: 'user', content: 'Hello!' }

function body(extra: object = {}): ChatRequestBody {
  return checkChatRequest({ model: 'public/tiny', messages: [user], ...extra }).body
}

function build(extra: object = {}, kind: EngineKind = 'openai'): Record<string, unknown> {
  return engineRequest(body(extra), { kind, model: 'local', stream: true, maxOutputTokens: 100 })
}

describe('engineRequest', () => {
  it.each(KINDS)('sends %s the same frame around any request', (kind) => {
    expect(build({}, kind)).toEqual({
      model: 'local',
      messages: [user],
      max_tokens: 100,
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('does not ask for a usage chunk without a stream', () => {
    const request = engineRequest(body({ stream: true, stream_options: { include_usage: true } }), {
      kind: 'vllm',
      model: 'local',
      stream: false,
      maxOutputTokens: 100,
    })
    expect(request['stream']).toBe(false)
    expect(request).not.toHaveProperty('stream_options')
  })

  it('clamps the tokens under one name', () => {
    expect(build({ max_tokens: 7 })['max_tokens']).toBe(7)
    expect(build({ max_tokens: 700 })['max_tokens']).toBe(100)
    const both = build({ max_tokens: 7, max_completion_tokens: 9 })
    expect(both['max_tokens']).toBe(9)
    expect(both).not.toHaveProperty('max_completion_tokens')
  })

  it.each(chatExamples.filter(({ title }) => title !== 'Image input'))(
    'keeps OpenAI example "$title" valid',
    ({ request }) => {
      const built = engineRequest(checkChatRequest(request).body, {
        kind: 'openai',
        model: 'local',
        stream: true,
        maxOutputTokens: 50,
      })
      expect(schemaProblems('CreateChatCompletionRequest', built)).toEqual([])
    },
  )

  it.each(KINDS)('gives %s exactly the parameters of the table', (kind) => {
    const all = Object.fromEntries(
      Object.keys(PARAMETERS).map((name) => [name, `value of ${name}`]),
    )
    const given = engineRequest(
      { ...all, ...body() },
      {
        kind,
        model: 'local',
        stream: true,
        maxOutputTokens: 1,
      },
    )
    const rebuilt = ['model', 'messages', 'stream', 'stream_options', 'max_tokens']
    const allowed = Object.entries(PARAMETERS)
      .filter(([, rule]) => rule !== 'edge' && rule.includes(kind))
      .map(([name]) => name)
    expect(Object.keys(given).sort()).toEqual([...rebuilt, ...allowed].sort())
  })

  it('forwards unknown parameters to a generic engine only', () => {
    expect(build({ xtc_probability: 0.5 })['xtc_probability']).toBe(0.5)
    for (const kind of ['vllm', 'llama-server', 'embedded'] as const) {
      expect(build({ xtc_probability: 0.5 }, kind)).not.toHaveProperty('xtc_probability')
    }
  })

  it.each(KINDS)('never sends %s a dangerous field', (kind) => {
    const fields = JSON.parse(`{
      "grammar": "root ::= root", "id_slot": 0, "samplers": [], "lora": [], "n_probs": 100000,
      "speculative.n_max": 9, "speculative_config": {}, "vllm_xargs": {}, "kv_transfer_params": {},
      "chat_template": "{% for x in range(10**9) %}", "priority": -9, "cache_salt": "other tenant",
      "structured_outputs": {"regex": "(a+)+"}, "custom_logit_processor": "code",
      "bootstrap_host": "10.0.0.1", "lora_path": "/etc", "keep_alive": -1, "prompt_logprobs": -1,
      "ignore_eos": true, "__proto__": {"polluted": true}
    }`) as object
    const request = build(fields, kind)
    for (const name of Object.keys(fields)) expect(Object.keys(request)).not.toContain(name)
    expect(request['polluted']).toBeUndefined()
  })

  it.each(KINDS)('tells %s nothing about the customer', (kind) => {
    const request = build({ user: 'ada', metadata: { a: 'b' }, safety_identifier: 'x' }, kind)
    expect(JSON.stringify(request)).not.toContain('ada')
    expect(request).not.toHaveProperty('metadata')
    expect(request).not.toHaveProperty('safety_identifier')
  })

  it('drops nulls, which not every engine reads as the default', () => {
    expect(build({ temperature: null, stop: null })).not.toHaveProperty('temperature')
  })

  it('passes template switches, but no template', () => {
    const kwargs = { enable_thinking: false, chat_template: '{{ 1 }}', tokenize: true, deep: {} }
    expect(build({ chat_template_kwargs: kwargs }, 'vllm')['chat_template_kwargs']).toEqual({
      enable_thinking: false,
    })
    for (const none of [{ chat_template: 'x' }, 'text', null]) {
      expect(build({ chat_template_kwargs: none })).not.toHaveProperty('chat_template_kwargs')
    }
  })

  it('sets the cache salt of vLLM and of nobody else', () => {
    const options = { model: 'local', stream: true, maxOutputTokens: 1, cacheSalt: 'tenant' }
    expect(engineRequest(body(), { kind: 'vllm', ...options })['cache_salt']).toBe('tenant')
    expect(engineRequest(body(), { kind: 'openai', ...options })).not.toHaveProperty('cache_salt')
  })

  it('leaves the body as it was', () => {
    const original = body({ max_tokens: 700, stream: true, temperature: null })
    const before = structuredClone(original)
    engineRequest(original, { kind: 'openai', model: 'x', stream: true, maxOutputTokens: 5 })
    expect(original).toEqual(before)
  })
})

const withPart = (part: object): ChatRequestBody =>
  body({ messages: [user, { role: 'user', content: [{ type: 'text', text: 'see' }, part] }] })
const image = (url: string): object => ({ type: 'image_url', image_url: { url } })
const file = (data: string): object => ({ type: 'file', file: { file_data: data } })
const audio = (data: string): object => ({
  type: 'input_audio',
  input_audio: { data, format: 'mp3' },
})

describe('refuseRemoteMedia', () => {
  it.each([
    ['image_url.url', image('http://169.254.169.254/latest/meta-data')],
    ['image_url.url', image('HTTPS://example.com/a.png')],
    ['image_url.url', image('file:///etc/passwd')],
    ['image_url.url', image(' data:image/png;base64,AA==')],
    ['image_url.url', image('//example.com/a.png')],
    ['file.file_data', file('https://example.com/a.pdf')],
    ['input_audio.data', audio('http://example.com/a.mp3')],
  ])('refuses %s %o', (field, part) => {
    const { messages } = withPart(part)
    let caught: unknown
    try {
      refuseRemoteMedia(messages)
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(ApiError)
    expect(caught).toMatchObject({
      status: 400,
      code: 'remote_url_not_supported',
      param: `messages.1.content.1.${field}`,
    })
    const options = { kind: 'vllm', model: 'x', stream: true, maxOutputTokens: 1 } as const
    expect(() => engineRequest(withPart(part), options)).toThrow(ApiError)
  })

  it.each([
    image('data:image/png;base64,iVBORw0KGgo='),
    image('DATA:image/png;base64,iVBORw0KGgo='),
    file('JVBERi0xLjQK'),
    file('data:application/pdf;base64,JVBERi0='),
    audio('SUQzBAA='),
  ])('passes %o', (part) => {
    expect(() => refuseRemoteMedia(withPart(part).messages)).not.toThrow()
  })
})

describe('the parameter table', () => {
  it('never allows what it denies', () => {
    expect(Object.keys(PARAMETERS).filter(isDenied)).toEqual([])
  })

  it('knows every parameter of OpenAI', () => {
    const known = ['temperature', 'top_p', 'seed', 'stop', 'tools', 'response_format', 'logprobs']
    for (const name of known) {
      for (const kind of KINDS) expect(reachesEngine(name, kind)).toBe(true)
    }
  })

  it('is not fooled by names that every object has', () => {
    for (const name of ['constructor', 'toString']) expect(reachesEngine(name, 'vllm')).toBe(false)
  })
})
