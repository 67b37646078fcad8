import { describe, expect, it } from 'vitest'
import { chatExamples, schemaProblems } from '../test/openai-schema.ts'
import { ApiError } from './api-error.ts'
import { checkChatRequest } from './chat-request.ts'
import type { ChatRequestBody } from './chat-request-schema.ts'
import { checkCompletionRequest } from './completion-request.ts'
import { checkEmbeddingsRequest } from './embeddings-request.ts'
import {
  completionEngineRequest,
  embeddingsEngineRequest,
  engineRequest,
} from './engine-request.ts'
import { parseJsonBody } from './json-body.ts'
import { type EngineKind, PARAMETERS } from './parameter-table.ts'

const KINDS: readonly EngineKind[] = ['openai', 'vllm', 'llama-server', 'embedded']
const user = { role: 'user', content: 'Hello!' }

function body(extra: object = {}): ChatRequestBody {
  return checkChatRequest({ model: 'public/tiny', messages: [user], ...extra }).body
}

function build(extra: object = {}, kind: EngineKind = 'openai'): Record<string, unknown> {
  return engineRequest(body(extra), { kind, model: 'local', stream: true, maxOutputTokens: 100 })
}

const complete = (extra: object = {}, kind: EngineKind = 'openai', more: object = {}) =>
  completionEngineRequest(
    checkCompletionRequest({ model: 'public/tiny', prompt: 'Once', ...extra }).body,
    { kind, model: 'local', stream: true, maxOutputTokens: 100, ...more },
  )

const embed = (extra: object = {}, kind: EngineKind = 'openai') =>
  embeddingsEngineRequest(
    checkEmbeddingsRequest({ model: 'public/bge', input: ['a', 'b'], ...extra }).body,
    { kind, model: 'local' },
  )

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
      Object.keys(PARAMETERS['chat.completions']).map((name) => [name, `value of ${name}`]),
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
    const allowed = Object.entries(PARAMETERS['chat.completions'])
      .filter(([, rule]) => rule !== 'edge' && rule.includes(kind))
      .map(([name]) => name)
    expect(Object.keys(given).sort()).toEqual([...rebuilt, ...allowed].sort())
  })

  it('forwards unknown parameters to a generic engine only', () => {
    expect(build({ xtc_probability: 0.5 })['xtc_probability']).toBe(0.5)
    expect(build({ next_year: { url: 'http://10.0.0.1/' } })).not.toHaveProperty('next_year')
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
      "bootstrap_host": "10.0.0.1", "lora_path": "/etc", "keep_alive": -1, "_debug_render_only": true, "prompt_logprobs": -1,
      "ignore_eos": true, "__proto__": {"polluted": true}
    }`) as object
    const request = build(fields, kind)
    for (const name of Object.keys(fields)) expect(Object.keys(request)).not.toContain(name)
    expect(request['polluted']).toBeUndefined()
  })

  it.each(KINDS)('never sends %s a key __proto__, however deep', (kind) => {
    const text = `{"model":"m","messages":[{"role":"user","content":"x","__proto__":{"a":1}}],
      "tools":[{"type":"function","function":{"name":"f","parameters":{"__proto__":{"b":1}}}}],
      "metadata":{"__proto__":1},"vendor":{"__proto__":1},"__proto__":{"polluted":true}}`
    const { body: hostile } = checkChatRequest(parseJsonBody(new TextEncoder().encode(text)))
    const options = { kind, model: 'local', stream: true, maxOutputTokens: 1 }
    expect(JSON.stringify(engineRequest(hostile, options))).not.toContain('__proto__')
  })

  it.each(KINDS)('tells %s nothing about the customer', (kind) => {
    const request = build({ user: 'ada', metadata: { a: 'b' }, safety_identifier: 'x' }, kind)
    expect(JSON.stringify(request)).not.toContain('ada')
    expect(request).not.toHaveProperty('metadata')
    expect(request).not.toHaveProperty('safety_identifier')
  })

  it.each([
    ['tools.0.type', { tools: [{ type: 'mcp', server_url: 'http://10.0.0.1/' }] }],
    ['response_format.type', { response_format: { type: 'structural_tag', format: {} } }],
  ])('refuses a foreign %s, which only a hostile edge passes on', (param, fields) => {
    const hostile = { ...body(), ...fields } as unknown as ChatRequestBody
    const options = { kind: 'openai', model: 'x', stream: true, maxOutputTokens: 1 } as const
    expect(() => engineRequest(hostile, options)).toThrow(expect.objectContaining({ param }))
  })

  it.each(['tools', 'response_format'])('refuses %s whose schema leads elsewhere', (param) => {
    const schema = { type: 'object', properties: { a: { $ref: 'http://10.0.0.1/schema' } } }
    const fields = {
      tools: [{ type: 'function', function: { name: 'f', parameters: schema } }],
      response_format: { type: 'json_schema', json_schema: { name: 'f', schema } },
    }[param]
    const refused = { code: 'remote_url_not_supported', param }
    expect(() => build({ [param]: fields })).toThrow(expect.objectContaining(refused))
    const own = JSON.parse(JSON.stringify(fields).replace('http://10.0.0.1/schema', '#/$defs/a'))
    expect(build({ [param]: own })[param]).toEqual(own)
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

describe('an engineRequest that continues', () => {
  const begun = { messages: [user, { role: 'assistant', content: 'Hello, Wo' }] }
  const options = { model: 'local', stream: true, maxOutputTokens: 7, continues: true }
  const flags = { continue_final_message: true, add_generation_prompt: false }

  it.each([
    ['openai', flags],
    ['vllm', flags],
    ['llama-server', flags],
    ['embedded', {}],
  ] as const)('tells %s in its own way', (kind, more) => {
    expect(engineRequest(body(begun), { kind, ...options })).toEqual({
      model: 'local',
      messages: begun.messages,
      max_tokens: 7,
      stream: true,
      stream_options: { include_usage: true },
      ...more,
    })
  })

  it.each(KINDS)('is never the client’s own wish with %s', (kind) => {
    const wish = { ...begun, continue_final_message: true, add_generation_prompt: false }
    const request = build(wish, kind)
    expect(request).not.toHaveProperty('continue_final_message')
    expect(request).not.toHaveProperty('add_generation_prompt')
  })
})

describe('completionEngineRequest', () => {
  it.each(KINDS)('sends %s the same frame around any request', (kind) => {
    expect(complete({ best_of: 1, user: 'ada', provider: { sort: 'price' } }, kind)).toEqual({
      model: 'local',
      prompt: 'Once',
      max_tokens: 16,
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('is valid by OpenAI’s schema', () => {
    for (const prompt of ['a', ['a', 'b'], [1, 2], [[1], [2]]]) {
      const request = complete({ prompt, n: 2, logprobs: 3, stop: 'x', seed: 1, echo: true })
      expect(schemaProblems('CreateCompletionRequest', request)).toEqual([])
      expect(request).toMatchObject({ prompt, n: 2, logprobs: 3, stop: 'x', seed: 1, echo: true })
    }
  })

  it('clamps the tokens, the least with the most', () => {
    expect(complete({ max_tokens: 7 })['max_tokens']).toBe(7)
    expect(complete({ max_tokens: 700, min_tokens: 500 }, 'vllm')).toMatchObject({
      max_tokens: 100,
      min_tokens: 100,
    })
  })

  it.each([
    ['echo', true, ['openai', 'vllm']],
    ['suffix', 'the end', ['openai']],
  ] as const)('refuses %s where it would be ignored', (name, value, able) => {
    for (const kind of KINDS) {
      if ((able as readonly EngineKind[]).includes(kind)) {
        expect(complete({ [name]: value }, kind)[name]).toBe(value)
        continue
      }
      expect(() => complete({ [name]: value }, kind)).toThrow(
        expect.objectContaining({ code: 'unsupported_parameter', param: name, status: 400 }),
      )
    }
    expect(() => complete({ echo: false, suffix: '' }, 'llama-server')).not.toThrow()
  })

  it('does not echo what has been delivered', () => {
    const request = complete({ echo: true }, 'vllm', { continues: true })
    expect(request).not.toHaveProperty('echo')
    expect(request).not.toHaveProperty('continue_final_message')
    expect(request['prompt']).toBe('Once')
  })

  it.each(KINDS)('keeps dangerous and foreign fields from %s', (kind) => {
    const foreign = { grammar: 'x', cache_salt: 'x', messages: [user], input: 'x', n_probs: 9 }
    const request = complete(foreign, kind)
    for (const name of Object.keys(foreign)) expect(request).not.toHaveProperty(name)
  })
})

describe('embeddingsEngineRequest', () => {
  it('asks each engine for a format that it knows', () => {
    for (const kind of KINDS) {
      const known = kind === 'vllm' || kind === 'llama-server' ? 'base64' : 'float'
      const request = embed({ encoding_format: 'base64' }, kind)
      expect(request).toEqual({ model: 'local', input: ['a', 'b'], encoding_format: known })
      expect(embed({}, kind)['encoding_format']).toBe('float')
      expect(schemaProblems('CreateEmbeddingRequest', request)).toEqual([])
    }
  })

  it('refuses dimensions where vectors cannot be cut', () => {
    expect(embed({ dimensions: 64 }, 'vllm')['dimensions']).toBe(64)
    for (const kind of ['llama-server', 'embedded'] as const) {
      expect(() => embed({ dimensions: 64 }, kind)).toThrow(ApiError)
    }
  })

  it.each(KINDS)('keeps what is not for embeddings from %s', (kind) => {
    const image = { type: 'image_url', image_url: { url: 'http://169.254.169.254/' } }
    const messages = [{ role: 'user', content: [image] }]
    const request = embed({ messages, prompt: 'x', stream: true, user: 'ada' }, kind)
    expect(Object.keys(request).sort()).toEqual(['encoding_format', 'input', 'model'])
  })

  it('forwards unknown parameters to a generic engine only', () => {
    expect(embed({ truncate: 'END' })['truncate']).toBe('END')
    expect(embed({ truncate: 'END' }, 'vllm')).not.toHaveProperty('truncate')
  })
})
