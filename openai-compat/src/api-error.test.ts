import { describe, expect, it } from 'vitest'
import { schemaProblems } from '../test/openai-schema.ts'
import { type ApiError, errorEnvelope, errorHeaders, streamErrorEvent } from './api-error.ts'
import { apiErrors, toApiError } from './api-errors.ts'
import { SseDecoder } from './sse-decoder.ts'

const rateLimited = (retryAfterMs?: number): ApiError =>
  apiErrors.rateLimited({ of: 'tokens', perMinute: 5000, owner: 'key' }, retryAfterMs)
const budgetExceeded = (owner: 'key' | 'account'): ApiError =>
  apiErrors.budgetExceeded({ msatPerDay: 1_000_000, owner }, 2500, 60_000)

/** Every error we can answer with, and the status and code that clients will branch on. */
const CASES: readonly [ApiError, number, string | null][] = [
  [apiErrors.invalidJson('it is not complete'), 400, 'invalid_json'],
  [apiErrors.invalidRequest('no', 'messages.0.role', 'invalid_value'), 400, 'invalid_value'],
  [apiErrors.invalidRequest('no'), 400, null],
  [apiErrors.unsupported('tiny', ['tools']), 400, 'unsupported_by_model'],
  [apiErrors.missingKey(), 401, 'missing_api_key'],
  [apiErrors.badKey(), 401, 'invalid_api_key'],
  [apiErrors.insufficientCredit(1500n, 20n), 402, 'insufficient_credit'],
  [budgetExceeded('key'), 402, 'key_budget_exceeded'],
  [budgetExceeded('account'), 402, 'account_budget_exceeded'],
  [apiErrors.totalBudgetExceeded(500, 600), 402, 'token_budget_exceeded'],
  [apiErrors.objectNotFound('response', 'resp_1'), 404, 'response_not_found'],
  [apiErrors.objectNotFound('generation', 'gen-1'), 404, 'generation_not_found'],
  [apiErrors.objectNotFound('job', 'job_1'), 404, 'job_not_found'],
  [apiErrors.modelNotFound('gpt-9', ['tiny']), 404, 'model_not_found'],
  [apiErrors.notFound('GET', '/v1/nope'), 404, 'unknown_url'],
  [apiErrors.methodNotAllowed('GET', ['POST']), 405, 'method_not_allowed'],
  [apiErrors.idempotencyConflict(), 409, 'idempotency_key_reused'],
  [apiErrors.bodyTooLarge(1024), 413, 'body_too_large'],
  [apiErrors.tooManyConcurrent(8, 500), 429, 'too_many_concurrent_requests'],
  [rateLimited(1200), 429, 'rate_limit_exceeded'],
  [apiErrors.headersTooLarge(1024), 431, 'headers_too_large'],
  [apiErrors.internal(), 500, 'internal_error'],
  [apiErrors.providerFailed(), 502, 'provider_failed'],
  [apiErrors.verificationFailed('job_1', 'another seed'), 502, 'verification_failed'],
  [apiErrors.noProvider('tiny', 2000), 503, 'no_provider'],
  [apiErrors.noProviderMatches('tiny', ['only'], 2000), 503, 'no_provider_matches'],
  [apiErrors.overloaded(1000), 503, 'overloaded'],
  [apiErrors.queueFull(100, 1000), 503, 'queue_full'],
  [apiErrors.queueTimeout(30_000, 1000), 503, 'queue_timeout'],
  [apiErrors.providerTimeout(30_000), 504, 'provider_timeout'],
]

describe('apiErrors', () => {
  it.each(CASES)('%s', (error, status, code) => {
    expect(error.status).toBe(status)
    expect(error.code).toBe(code)
    expect(schemaProblems('ErrorResponse', errorEnvelope(error))).toEqual([])
    expect(Object.keys(errorEnvelope(error).error)).toEqual(['message', 'type', 'param', 'code'])
  })

  it('says how much credit is missing, and how to get it', () => {
    const { message } = apiErrors.insufficientCredit(2_500n, 20n)
    expect(message).toContain('2480 msat (3 sat) are missing')
    expect(message).toContain('POST /v1/billing/topups {"amount_sat": 3}')
  })

  it('has a case here for each of them', () => {
    const tested = new Set(CASES.map(([error]) => error.code ?? 'none'))
    // invalidRequest has two codes here, budgetExceeded two, objectNotFound three.
    expect(tested.size).toBe(Object.keys(apiErrors).length + 4)
  })

  it('lists served models, but not all of a long list', () => {
    expect(apiErrors.modelNotFound('x', ['tiny', 'large']).message).toContain('tiny, large')
    const many = Array.from({ length: 30 }, (_, i) => `model-${i}`)
    const { message } = apiErrors.modelNotFound('x', many)
    expect(message).toContain('model-19')
    expect(message).not.toContain('model-20')
    expect(message).toContain('GET /v1/models')
  })

  it('says which limit was met, how large it is and when to come back', () => {
    expect(rateLimited(1200).message).toBe(
      'Rate limit of 5000 tokens per minute reached for this API key. Try again in 2 s.',
    )
    expect(apiErrors.tooManyConcurrent(8, 500, 'key').message).toContain('8 requests are running')
    expect(budgetExceeded('account').message).toMatch(
      /2500 msat.*1000000 msat for your account.*in 60 s/,
    )
    expect(apiErrors.queueTimeout(30_000, 1000).message).toMatch(/busy for 30 s.*again in 1 s/)
  })

  it('says which preferences rule everybody out', () => {
    const { message } = apiErrors.noProviderMatches('tiny', ['only', 'max_price'], 1)
    expect(message).toContain('provider.only, provider.max_price')
  })

  it('does not echo more than a little of what the client sent', () => {
    expect(apiErrors.modelNotFound('m'.repeat(5000), []).message.length).toBeLessThan(300)
    expect(apiErrors.notFound('GET', `/${'p'.repeat(5000)}`).message.length).toBeLessThan(300)
    expect(apiErrors.objectNotFound('job', 'j'.repeat(5000)).message.length).toBeLessThan(300)
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
    expect(errorHeaders(rateLimited(1200.4))).toEqual({
      'retry-after-ms': '1201',
      'retry-after': '2',
    })
  })

  it('forbids retries where they cannot help', () => {
    const hopeless = [
      apiErrors.insufficientCredit(2n, 1n),
      budgetExceeded('key'),
      apiErrors.idempotencyConflict(),
      rateLimited(),
    ]
    for (const error of hopeless)
      expect(errorHeaders(error)).toMatchObject({ 'x-should-retry': 'false' })
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
  it('is a text chunk in a legacy stream', () => {
    const head = { id: 'cmpl-1', created: 1, model: 'tiny' }
    const event = streamErrorEvent(apiErrors.providerFailed(), head, 'completions')
    const data = new SseDecoder().push(event)[0]?.data ?? ''
    expect(JSON.parse(data)).toMatchObject({
      ...head,
      object: 'text_completion',
      error: { code: 'provider_failed' },
      choices: [{ index: 0, text: '', logprobs: null, finish_reason: 'error' }],
    })
  })
})
