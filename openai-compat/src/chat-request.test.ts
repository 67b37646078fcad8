import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chatExamples, schemaProblems } from '../test/openai-schema.ts'
import { ApiError } from './api-error.ts'
import { checkChatRequest, parseChatRequest } from './chat-request.ts'
import { MAX_CONTENT_PARTS, MAX_MESSAGES, MAX_TOOLS } from './chat-request-schema.ts'
import { MAX_JSON_DEPTH } from './json-body.ts'
import {
  MAX_CHOICES,
  MAX_FALLBACK_MODELS,
  MAX_LOGIT_BIASES,
  MAX_MODEL_CHARS,
  MAX_STOP_CHARS,
} from './request-fields.ts'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const user = { role: 'user', content: 'Hello!' }
const request = (extra: object = {}): object => ({ model: 'tiny', messages: [user], ...extra })

function problem(run: () => unknown): { status: number; param: string | null; message: string } {
  try {
    run()
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('was accepted')
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

const needs = (extra: object): unknown => checkChatRequest(request(extra)).needs
const many = (count: number, item: unknown): unknown[] => Array.from({ length: count }, () => item)
const tool = (name: string): object => ({ type: 'function', function: { name } })

describe('parseChatRequest', () => {
  it.each(chatExamples)('accepts OpenAI example "$title"', ({ request }) => {
    expect(schemaProblems('CreateChatCompletionRequest', request)).toEqual([])
    expect(parseChatRequest(encode(request)).body).toEqual(request)
  })

  it('reads what the edge needs', () => {
    const body = request({
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 20,
      max_tokens: 30,
      n: 2,
      models: ['small'],
      provider: { sort: 'price', only: ['a'] },
    })
    expect(parseChatRequest(encode(body))).toEqual({
      endpoint: 'chat.completions',
      body,
      messages: 1,
      model: 'tiny',
      fallbackModels: ['small'],
      stream: true,
      includeUsage: true,
      maxOutputTokens: 20,
      n: 2,
      needs: ['choices'],
      provider: { sort: 'price', only: ['a'] },
    })
  })

  it('has defaults, for absent fields and for null', () => {
    const nulls = { stream: null, stream_options: null, max_tokens: null, n: null, stop: null }
    for (const body of [request(), request(nulls)]) {
      expect(checkChatRequest(body)).toMatchObject({
        stream: false,
        includeUsage: false,
        maxOutputTokens: undefined,
        n: 1,
        needs: [],
        provider: {},
      })
    }
    expect(checkChatRequest(request({ max_tokens: 7 })).maxOutputTokens).toBe(7)
  })

  it('keeps unknown fields, at every level', () => {
    const body = request({
      top_k: 40,
      chat_template_kwargs: { enable_thinking: false },
      messages: [{ ...user, cache_control: { type: 'ephemeral' } }],
    })
    expect(checkChatRequest(body).body).toEqual(body)
  })

  it('says what a provider must be able to do', () => {
    expect(needs({ tools: [tool('f')] })).toEqual(['tools'])
    expect(needs({ tools: [] })).toEqual([])
    expect(needs({ logprobs: true })).toEqual(['logprobs'])
    const format = { type: 'json_schema', json_schema: { name: 'x', schema: {}, strict: true } }
    expect(needs({ response_format: format })).toEqual(['json_schema'])
    expect(needs({ response_format: { type: 'json_object' } })).toEqual(['json_schema'])
    expect(needs({ response_format: { type: 'text' } })).toEqual([])
    expect(needs({ functions: [{ name: 'f' }] })).toEqual(['tools'])
    expect(needs({ n: 2 })).toEqual(['choices'])
    expect(needs({ seed: 1 })).toEqual([])
    expect(needs({ seed: 1, provider: { require_parameters: true } })).toEqual(['seed'])
    const parts = [
      { type: 'text', text: 'look' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
      { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
      { type: 'file', file: { file_data: 'AA==' } },
    ]
    expect(needs({ messages: [{ role: 'user', content: parts }] })).toEqual([
      'vision',
      'audio',
      'files',
    ])
  })

  it('accepts a whole tool conversation', () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: [{ type: 'text', text: 'In French.' }] },
      { role: 'user', name: 'ada', content: 'Weather?' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      { role: 'assistant', function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: null },
    ]
    expect(checkChatRequest(request({ messages })).body.messages).toHaveLength(8)
  })

  it.each([
    { temperature: 0 },
    { temperature: 2 },
    { top_p: 1 },
    { presence_penalty: -2 },
    { n: MAX_CHOICES },
    { logprobs: true, top_logprobs: 20 },
    { top_logprobs: 0 },
    { stop: [] },
    { stop: ['a', 'b', 'c', 'd'] },
    { logit_bias: { 50256: -100 } },
    { seed: -(2 ** 62) },
    { tools: Array.from({ length: MAX_TOOLS }, (_, i) => tool(`f${i}`)) },
    { tool_choice: 'auto' },
    { tools: [tool('f')], tool_choice: tool('f') },
    { response_format: { type: 'json_object' } },
    { metadata: nested(MAX_JSON_DEPTH - 1) },
  ])('accepts %o', (extra) => {
    expect(checkChatRequest(request(extra)).model).toBe('tiny')
  })
})

describe('parseChatRequest refuses', () => {
  it.each<[string, object, string]>([
    ['model', { model: undefined }, 'Missing'],
    ['model', { model: 5 }, 'expected a string, but got an integer'],
    ['model', { model: '' }, 'at least 1 character'],
    ['model', { model: 'm'.repeat(MAX_MODEL_CHARS + 1) }, 'at most 256'],
    ['messages', { messages: undefined }, 'Missing'],
    ['messages', { messages: [] }, 'at least 1 item'],
    ['messages', { messages: 'hi' }, 'expected an array, but got a string'],
    ['messages', { messages: many(MAX_MESSAGES + 1, user) }, 'at most 4096 items'],
    ['messages.0', { messages: ['hi'] }, 'expected an object'],
    ['messages.0.role', { messages: [{ content: 'x' }] }, 'Missing'],
    ['messages.0.role', { messages: [{ role: 'boss', content: 'x' }] }, "'developer'"],
    ['messages.1.content', { messages: [user, { role: 'user' }] }, 'Missing'],
    ['messages.0.content', { messages: [{ role: 'user', content: null }] }, 'string or an array'],
    ['messages.0.content', { messages: [{ role: 'user', content: 5 }] }, 'string or an array'],
    ['messages.0.content', { messages: [{ role: 'user', content: [] }] }, 'at least 1 item'],
    ['messages.0.content', { messages: [{ role: 'assistant', content: null }] }, 'tool_calls'],
    ['messages.0.content', { messages: [{ role: 'assistant', tool_calls: [] }] }, 'tool_calls'],
    ['messages.0.tool_call_id', { messages: [{ role: 'tool', content: 'x' }] }, 'Missing'],
    [
      'messages.0.content.0.type',
      { messages: [{ role: 'user', content: [{ type: 'video_url' }] }] },
      "expected one of 'text'",
    ],
    [
      'messages.0.content.0.image_url',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: 'x' }] }] },
      'expected an object',
    ],
    [
      'messages.0.content',
      {
        messages: [
          { role: 'user', content: many(MAX_CONTENT_PARTS + 1, { type: 'text', text: 'a' }) },
        ],
      },
      'at most 1024',
    ],
    [
      'messages.0.tool_calls.0.function.arguments',
      {
        messages: [
          {
            role: 'assistant',
            tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: {} } }],
          },
        ],
      },
      'expected a string, but got an object',
    ],
    ['stream', { stream: 'yes' }, 'expected a boolean'],
    ['stream_options', { stream_options: { include_usage: true } }, "'stream' is enabled"],
    [
      'stream_options.include_usage',
      { stream: true, stream_options: { include_usage: 1 } },
      'boolean',
    ],
    ['max_tokens', { max_tokens: 0 }, 'at least 1'],
    ['max_completion_tokens', { max_completion_tokens: 1.5 }, 'expected an integer'],
    ['n', { n: 0 }, 'at least 1'],
    ['n', { n: MAX_CHOICES + 1 }, 'at most 8'],
    ['temperature', { temperature: 2.1 }, 'at most 2'],
    ['temperature', { temperature: '1' }, 'expected a number, but got a string'],
    ['top_p', { top_p: -0.1 }, 'at least 0'],
    ['presence_penalty', { presence_penalty: -2.5 }, 'at least -2'],
    ['frequency_penalty', { frequency_penalty: 3 }, 'at most 2'],
    ['stop', { stop: ['a', 'b', 'c', 'd', 'e'] }, 'at most 4 items'],
    ['stop.0', { stop: [''] }, 'at least 1 character'],
    ['stop', { stop: 's'.repeat(MAX_STOP_CHARS + 1) }, 'at most 512'],
    ['seed', { seed: 0.5 }, 'expected an integer'],
    ['top_logprobs', { logprobs: true, top_logprobs: 21 }, 'at most 20'],
    ['top_logprobs', { top_logprobs: 5 }, "'logprobs' is enabled"],
    ['logit_bias.1', { logit_bias: { 1: 101 } }, 'at most 100'],
    ['logit_bias.word', { logit_bias: { word: 1 } }, 'key is not allowed'],
    [
      'logit_bias',
      {
        logit_bias: Object.fromEntries(
          Array.from({ length: MAX_LOGIT_BIASES + 1 }, (_, i) => [i, 1]),
        ),
      },
      'at most 1024',
    ],
    ['tools', { tools: many(MAX_TOOLS + 1, tool('f')) }, 'at most 128 items'],
    ['tools.0.function.name', { tools: [tool('two words')] }, 'matches'],
    ['tools.0.type', { tools: [{ type: 'retrieval' }] }, "'function'"],
    ['tool_choice', { tool_choice: 'required' }, "'tools' are specified"],
    ['tool_choice', { tools: [tool('f')], tool_choice: 'f' }, "'required'"],
    ['tool_choice', { tools: [tool('f')], tool_choice: 4 }, 'string or an object'],
    ['response_format.type', { response_format: { type: 'xml' } }, "'json_schema'"],
    ['response_format.json_schema', { response_format: { type: 'json_schema' } }, 'Missing'],
    ['models', { models: many(MAX_FALLBACK_MODELS + 1, 'm') }, 'at most 8'],
    ['provider.sort', { provider: { sort: 'beauty' } }, "'throughput'"],
    ['provider.max_price.prompt', { provider: { max_price: { prompt: -1 } } }, 'at least 0'],
  ])('%s: %o', (param, extra, message) => {
    const error = problem(() => parseChatRequest(encode(request(extra))))
    expect(error.status).toBe(400)
    expect(error.param).toBe(param)
    expect(error.message).toContain(message)
  })

  it.each([
    ['[]', 'but it is an array'],
    ['null', 'but it is null'],
    ['"text"', 'but it is a string'],
  ])('the body %s', (text, message) => {
    const error = problem(() => parseChatRequest(new TextEncoder().encode(text)))
    expect(error.status).toBe(400)
    expect(error.message).toContain(message)
  })

  it('a long key without repeating all of it', () => {
    const error = problem(() =>
      checkChatRequest(request({ logit_bias: { ['k'.repeat(9999)]: 1 } })),
    )
    expect(error.param).toHaveLength(200)
    expect(error.message.length).toBeLessThan(300)
  })

  it('deep nesting anywhere', () => {
    const bytes = encode(request({ x: nested(MAX_JSON_DEPTH) }))
    expect(problem(() => parseChatRequest(bytes)).message).toContain('nested')
  })

  it('any JSON at all with an ApiError or not at all', () => {
    const body = fc.oneof(
      fc.json(),
      fc
        .record({ model: fc.anything(), messages: fc.anything(), stop: fc.anything() })
        .map((value) => {
          try {
            return JSON.stringify(value)
          } catch {
            return '{}'
          }
        }),
    )
    fc.assert(
      fc.property(body, (text) => {
        try {
          parseChatRequest(new TextEncoder().encode(text))
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError)
        }
      }),
    )
  })
})
