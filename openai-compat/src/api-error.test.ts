import { describe, expect, it } from 'vitest'
import { schemaProblems } from '../test/openai-schema.ts'
import { type ApiError, errorEnvelope, errorHeaders, streamErrorEvent } from './api-error.ts'
import { apiErrors, toApiError } from './api-errors.ts'
import { SseDecoder } from './sse-decoder.ts'

/** Every error we can answer with, and the status and code that clients will branch on. */
const CASES: readonly [ApiError, number, string | null][] = [
  [apiErrors.invalidJson('it is not complete'), 400, 'invalid_json'],
  [apiErrors.invalidRequest('no', 'messages.0.role', 'invalid_value'), 400, 'invalid_value'],
  [apiErrors.invalidRequest('no'), 400, null],
  [apiErrors.missingKey(), 401, 'missing_api_key'],
  [apiErrors.badKey(), 401, 'invalid_api_key'],
  [apiErrors.insufficientCredit(1500n, 20n), 402, 'insufficient_credit'],
  [apiErrors.modelNotFound('gpt-9', ['tiny']), 404, 'model_not_found'],
  [apiErrors.notFound('GET', '/v1/nope'), 404, 'unknown_url'],
  [apiErrors.methodNotAllowed('GET', ['POST']), 405, 'method_not_allowed'],
  [apiErrors.idempotencyConflict('other_body'), 409, 'idempotency_key_reused'],
  [apiErrors.idempotencyConflict('in_progress'), 409, 'idempotency_key_in_progress'],
  [apiErrors.bodyTooLarge(1024), 413, 'body_too_large'],
  [apiErrors.tooManyConcurrent(8, 500), 429, 'too_many_concurrent_requests'],
  [apiErrors.rateLimited(1200), 429, 'rate_limit_exceeded'],
  [apiErrors.headersTooLarge(1024), 431, 'headers_too_large'],
  [apiErrors.internal(), 500, 'internal_error'],
  [apiErrors.providerFailed(), 502, 'provider_failed'],
  [apiErrors.noProvider('tiny', 2000), 503, 'no_provider'],
  [apiErrors.overloaded(1000), 503, 'overloaded'],
  [apiErrors.providerTimeout(30_000), 504, 'provider_timeout'],
]

describe('apiErrors', () => {
  it.each(CASES)('%s', (error, status, code) => {
    expect(error.status).toBe(status)
    expect(error.code).toBe(code)
    expect(schemaProblems('ErrorResponse', errorEnvelope(error))).toEqual([])
    expect(Object.keys(errorEnvelope(error).error)).toEqual(['message', 'type', 'param', 'code'])
  })

  it('has a case here for each of them', () => {
    const tested = new Set(CASES.map(([error]) => error.code ?? 'none'))
    // invalidRequest stands for two codes here, idempotencyConflict for two.
    expect(tested.size).toBe(Object.keys(apiErrors).length + 2)
  })

  it('lists served models, but not all of a long list', () => {
    expect(apiErrors.modelNotFound('x', ['tiny', 'large']).message).toContain('tiny, large')
    const many = Array.from({ length: 30 }, (_, i) => `model-${i}`)
    const { message } = apiErrors.modelNotFound('x', many)
    expect(message).toContain('model-19')
    expect(message).not.toContain('model-20')
    expect(message).toContain('GET /v1/models')
  })

  it('does not echo more than a little of what the client sent', () => {
    expect(apiErrors.modelNotFound('m'.repeat(5000), []).message.length).toBeLessThan(300)
    expect(apiErrors.notFound('GET', `/${'p'.repeat(5000)}`).message.length).toBeLessThan(300)
  })

  it('hides the cause of anything unexpected', () => {
    const error = toApiError(new Error('password=hunter2'))
    expect(error.status).toBe(500)
    expect(JSON.stringify(errorEnvelope(error))).not.toContain('hunter2')
    const own = apiErrors.badKey()
    expect(toApiError(own)).toBe(own)
  })
})

describe('errorHeaders', () => {
  it('rounds waits up', () => {
    expect(errorHeaders(apiErrors.rateLimited(1200.4))).toEqual({
      'retry-after-ms': '1201',
      'retry-after': '2',
    })
  })

  it('forbids retries where they cannot help', () => {
    expect(errorHeaders(apiErrors.insufficientCredit(2n, 1n))).toEqual({
      'x-should-retry': 'false',
    })
  })

  it('is empty for errors that speak for themselves', () => {
    expect(errorHeaders(apiErrors.badKey())).toEqual({})
  })
})

describe('streamErrorEvent', () => {
  it('is one event with an error beside a choice that ended with "error"', () => {
    const head = { id: 'chatcmpl-1', created: 1, model: 'tiny' }
    const [event, ...rest] = new SseDecoder().push(
      streamErrorEvent(apiErrors.providerFailed(), head),
    )
    expect(rest).toEqual([])
    const chunk: unknown = JSON.parse(event?.data ?? '')
    expect(chunk).toMatchObject({
      ...head,
      object: 'chat.completion.chunk',
      error: { code: 'provider_failed', param: null, type: 'server_error' },
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
    })
    expect(schemaProblems('ErrorResponse', chunk)).toEqual([])
  })
})
