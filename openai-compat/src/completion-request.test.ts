import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schemaProblems } from '../test/openai-schema.ts'
import { ApiError } from './api-error.ts'
import {
  checkCompletionRequest,
  DEFAULT_COMPLETION_TOKENS,
  MAX_COMPLETION_CHOICES,
  parseCompletionRequest,
} from './completion-request.ts'
import { MAX_PROMPTS, MAX_TOKEN_IDS } from './completion-request-schema.ts'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const request = (extra: object = {}): object => ({ model: 'tiny', prompt: 'Once', ...extra })
const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

function problem(value: unknown): ApiError {
  try {
    parseCompletionRequest(encode(value))
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('was accepted')
}

describe('parseCompletionRequest', () => {
  it('reads what the edge needs', () => {
    const body = request({
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 20,
      n: 2,
      logprobs: 0,
      models: ['small'],
      provider: { sort: 'price', zdr: null },
    })
    expect(schemaProblems('CreateCompletionRequest', body)).toEqual([])
    expect(parseCompletionRequest(encode(body))).toEqual({
      endpoint: 'completions',
      body,
      model: 'tiny',
      fallbackModels: ['small'],
      stream: true,
      includeUsage: true,
      maxOutputTokens: 20,
      n: 2,
      messages: 1,
      needs: ['logprobs', 'choices'],
      provider: { sort: 'price' },
    })
  })

  it('has OpenAI’s defaults', () => {
    const nulls = { stream: null, max_tokens: null, n: null, best_of: null, logprobs: null }
    for (const body of [request(), request(nulls)]) {
      expect(checkCompletionRequest(body)).toMatchObject({
        stream: false,
        includeUsage: false,
        maxOutputTokens: DEFAULT_COMPLETION_TOKENS,
        n: 1,
        needs: [],
        provider: {},
      })
    }
    expect(DEFAULT_COMPLETION_TOKENS).toBe(16)
  })

  it.each([
    ['', 1],
    ['a text', 1],
    [['one'], 1],
    [['one', 'two', ''], 3],
    [[1212, 318, 257], 1],
    [[[1212, 318], [257]], 2],
    [many(MAX_PROMPTS, 'p'), MAX_PROMPTS],
  ])('counts the prompts of %j: %i', (prompt, prompts) => {
    const body = request({ prompt })
    expect(schemaProblems('CreateCompletionRequest', body)).toEqual([])
    const read = checkCompletionRequest(body)
    expect(read).toMatchObject({ messages: prompts, n: prompts })
    expect(read.needs).toEqual(prompts > 1 ? ['choices'] : [])
  })

  it('multiplies the choices', () => {
    expect(checkCompletionRequest(request({ prompt: ['a', 'b', 'c'], n: 4 })).n).toBe(12)
  })

  it.each([
    { suffix: 'the end', echo: true },
    { best_of: 1 },
    { n: 3, best_of: 3 },
    { logprobs: 5 },
    { temperature: 2, top_p: 0, frequency_penalty: -2, presence_penalty: 2, seed: 1 },
    { stop: ['\n'], logit_bias: { 50256: -100 } },
    { top_k: 40, min_p: 0.1 },
  ])('accepts %j and keeps all of it', (extra) => {
    const body = request(extra)
    expect(parseCompletionRequest(encode(body)).body).toEqual(body)
  })

  it.each<[string, object, string]>([
    ['model', { model: undefined }, 'Missing'],
    ['prompt', { prompt: undefined }, 'Missing'],
    ['prompt', { prompt: null }, 'expected a string or an array, but got null'],
    ['prompt', { prompt: {} }, 'expected a string or an array, but got an object'],
    ['prompt', { prompt: [] }, 'at least 1 item'],
    ['prompt', { prompt: many(MAX_PROMPTS + 1, 'p') }, 'at most 32 items'],
    ['prompt.1', { prompt: ['a', 2] }, 'expected a string'],
    ['prompt.1', { prompt: [1, 'b'] }, 'expected a number'],
    ['prompt.0', { prompt: [-1] }, 'at least 0'],
    ['prompt.0', { prompt: [[]] }, 'at least 1 item'],
    ['prompt.1.0', { prompt: [[1], ['b']] }, 'expected a number'],
    ['prompt', { prompt: many(5, 'p'), n: 7 }, 'is 35, expected at most 32'],
    ['max_tokens', { max_tokens: 0 }, 'at least 1'],
    ['n', { n: 9 }, 'at most 8'],
    ['best_of', { best_of: 21 }, 'at most 20'],
    ['best_of', { best_of: 2 }, 'do not rank'],
    ['best_of', { best_of: 2, n: 3 }, "at least 'n', which is 3"],
    ['logprobs', { logprobs: 6 }, 'at most 5'],
    ['logprobs', { logprobs: true }, 'expected a number'],
    ['suffix', { suffix: 1 }, 'expected a string'],
    ['echo', { echo: 'yes' }, 'expected a boolean'],
    ['stream_options', { stream_options: {} }, "'stream' is enabled"],
    [
      'provider.max_price.prompt',
      { provider: { max_price: { prompt: [] } } },
      'a string or a number',
    ],
  ])('refuses %s: %j', (param, extra, message) => {
    const error = problem(request(extra))
    expect(error).toMatchObject({ status: 400, param })
    expect(error.message).toContain(message)
  })

  it('bounds the tokens of a prompt', () => {
    const prompt = many(MAX_TOKEN_IDS, 1)
    expect(checkCompletionRequest(request({ prompt })).messages).toBe(1)
    expect(problem(request({ prompt: [...prompt, 1] })).message).toContain('at most 1048576 items')
  })

  it('allows no more choices than it says', () => {
    expect(checkCompletionRequest(request({ prompt: many(4, 'p'), n: 8 })).n).toBe(
      MAX_COMPLETION_CHOICES,
    )
  })

  it('answers any JSON at all with a request or an ApiError', () => {
    const body = fc.record({
      model: fc.oneof(fc.constant('tiny'), fc.jsonValue()),
      prompt: fc.jsonValue(),
      n: fc.oneof(fc.integer(), fc.jsonValue()),
      best_of: fc.jsonValue(),
    })
    fc.assert(
      fc.property(body, (value) => {
        try {
          const { n, messages } = parseCompletionRequest(encode(value))
          expect(n).toBeLessThanOrEqual(MAX_COMPLETION_CHOICES)
          expect(messages).toBeLessThanOrEqual(n)
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError)
        }
      }),
    )
  })
})
