import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schemaProblems } from '../test/openai-schema.ts'
import { ApiError } from './api-error.ts'
import {
  checkEmbeddingsRequest,
  MAX_DIMENSIONS,
  MAX_EMBEDDING_INPUTS,
  parseEmbeddingsRequest,
} from './embeddings-request.ts'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const request = (extra: object = {}): object => ({ model: 'bge', input: 'Once', ...extra })
const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

function problem(value: unknown): ApiError {
  try {
    parseEmbeddingsRequest(encode(value))
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('was accepted')
}

describe('parseEmbeddingsRequest', () => {
  it('reads what the edge needs', () => {
    const plain = request({ encoding_format: 'base64', dimensions: 256, user: 'ada' })
    expect(schemaProblems('CreateEmbeddingRequest', plain)).toEqual([])
    const body = { ...plain, models: ['e5'], provider: { only: ['a'] }, truncate: true }
    expect(parseEmbeddingsRequest(encode(body))).toEqual({
      endpoint: 'embeddings',
      body,
      model: 'bge',
      fallbackModels: ['e5'],
      stream: false,
      includeUsage: false,
      maxOutputTokens: undefined,
      n: 1,
      messages: 1,
      needs: [],
      provider: { only: ['a'] },
    })
  })

  it.each([
    ['a text', 1],
    [['one'], 1],
    [['one', 'two'], 2],
    [[1212, 318, 257], 1],
    [[[1212, 318], [257]], 2],
  ])('counts the inputs of %j', (input, inputs) => {
    expect(schemaProblems('CreateEmbeddingRequest', request({ input }))).toEqual([])
    expect(checkEmbeddingsRequest(request({ input })).messages).toBe(inputs)
  })

  it('takes as many inputs as OpenAI does', () => {
    const input = many(MAX_EMBEDDING_INPUTS, 't')
    expect(checkEmbeddingsRequest(request({ input })).messages).toBe(MAX_EMBEDDING_INPUTS)
    expect(problem(request({ input: [...input, 't'] }))).toMatchObject({
      param: 'input',
      code: 'array_above_max_length',
    })
  })

  it('accepts null for what is left open', () => {
    const open = request({ encoding_format: null, dimensions: null, provider: null })
    expect(checkEmbeddingsRequest(open).provider).toEqual({})
  })

  it.each<[string, object, string]>([
    ['model', { model: undefined }, 'Missing'],
    ['input', { input: undefined }, 'Missing'],
    ['input', { input: '' }, 'at least 1 character'],
    ['input', { input: [] }, 'at least 1 item'],
    ['input', { input: {} }, 'expected a string or an array'],
    ['input.1', { input: ['a', ''] }, 'at least 1 character'],
    ['input.1', { input: ['a', [1]] }, 'expected a string'],
    ['input.1', { input: [[1], []] }, 'at least 1 item'],
    ['input.0', { input: [1.5] }, 'expected an integer'],
    ['encoding_format', { encoding_format: 'int8' }, "'base64'"],
    ['dimensions', { dimensions: 0 }, 'at least 1'],
    ['dimensions', { dimensions: MAX_DIMENSIONS + 1 }, 'at most 65536'],
  ])('refuses %s: %j', (param, extra, message) => {
    const error = problem(request(extra))
    expect(error).toMatchObject({ status: 400, param })
    expect(error.message).toContain(message)
  })

  it('answers any JSON at all with a request or an ApiError', () => {
    const body = fc.record({ model: fc.constant('m'), input: fc.jsonValue() })
    fc.assert(
      fc.property(body, (value) => {
        try {
          expect(parseEmbeddingsRequest(encode(value)).messages).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError)
        }
      }),
    )
  })
})
