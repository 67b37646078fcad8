import { newAccountId } from '@infernet/schemas/ids'
import { newApiKey } from '@infernet/schemas/api-key'
import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { describe, expect, it } from 'vitest'
import { FIRST_BYTE_TIMEOUT_MS, MAX_OPEN_HOLDS, QUEUE_WAIT_MS } from '../limits.ts'
import { answerJson, answerStream, completion, piece, readEvents } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { modelOffer } from '../testing/fake-provider.ts'
import { CREDIT_MSAT, startEdge, type TestEdge } from '../testing/test-edge.ts'

/** The money is where it was, and no job is left anywhere. */
async function expectNothingHappened(edge: TestEdge): Promise<void> {
  expect(await edge.balance()).toEqual({
    availableMsat: CREDIT_MSAT,
    reservedMsat: 0,
    openHolds: 0,
  })
  expect(edge.hub.jobsInFlight).toBe(0)
}

describe('a request that cannot become a job', () => {
  const bodies: [string, string, Partial<Record<'status' | 'code' | 'param', unknown>>][] = [
    ['no JSON', '{"model": "tiny", "messages": [', { status: 400, code: 'invalid_json' }],
    ['an empty body', '', { status: 400, code: 'invalid_json' }],
    ['a wrong type', '{"model": "tiny", "messages": "hi"}', { status: 400, param: 'messages' }],
    [
      'a wrong type deep inside',
      '{"model": "tiny", "messages": [{"role": "user", "content": 7}]}',
      { status: 400, param: 'messages.0.content' },
    ],
    [
      'a number out of range',
      '{"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 0}',
      { status: 400, param: 'max_tokens' },
    ],
    ['JSON that is no object', '[1, 2]', { status: 400 }],
  ]
  it.each(bodies)('answers 400 to %s', async (_, body, expected) => {
    const edge = await startEdge()
    await edge.provider()
    const response = await edge.request('/v1/chat/completions', { method: 'POST', body })
    expect(await errorOf(response)).toMatchObject({ type: 'invalid_request_error', ...expected })
    await expectNothingHappened(edge)
  })

  it('answers 404 to an unknown model and names those that are served', async () => {
    const edge = await startEdge()
    await edge.provider({ models: [modelOffer('tiny'), modelOffer('large')] })
    const error = await errorOf(await edge.chat({ model: 'gpt-9' }))
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    expect(error.message).toContain('gpt-9')
    expect(error.message).toContain('Served now: tiny, large.')
    await expectNothingHappened(edge)
  })

  it.each([
    ['no key', undefined, 'missing_api_key'],
    ['no Bearer scheme', 'Basic dXNlcjpwYXNz', 'missing_api_key'],
    ['a key that is none', 'Bearer sk-1234', 'invalid_api_key'],
    ['a key of another edge', `Bearer ${newApiKey().secret}`, 'invalid_api_key'],
  ])('answers 401 to %s', async (_, authorization, code) => {
    const edge = await startEdge()
    await edge.provider()
    const headers = { authorization: authorization ?? '' }
    const error = await errorOf(await edge.chat({}, { headers }))
    expect(error).toMatchObject({ status: 401, code })
    await expectNothingHappened(edge)
  })

  it('answers 401 to the right id with a foreign secret', async () => {
    const edge = await startEdge()
    const forged = edge.key.slice(0, -4) + (edge.key.endsWith('AAAA') ? 'BBBB' : 'AAAA')
    expect(await errorOf(await edge.chat({}, { key: forged }))).toMatchObject({ status: 401 })
  })

  it('charges the key’s own account only', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const other = newAccountId(edge.clock.now())
    await edge.accounts.deposit(other, 'start', CREDIT_MSAT)
    const answer = edge.chat({}, { key: edge.addKey(other) })
    answerJson(await provider.jobs.next())
    expect((await answer).status).toBe(200)
    await expectNothingHappened(edge)
    expect((await edge.accounts.balance(other)).availableMsat).toBeLessThan(CREDIT_MSAT)
  })

  it('answers 413 to a body declared too long', async () => {
    const edge = await startEdge()
    const headers = { 'content-length': String(MAX_REQUEST_BODY_BYTES + 1) }
    const response = await edge.request('/v1/chat/completions', {
      method: 'POST',
      headers,
      body: '{}'.padEnd(MAX_REQUEST_BODY_BYTES + 1),
    })
    expect(await errorOf(response)).toMatchObject({ status: 413, code: 'body_too_large' })
    await expectNothingHappened(edge)
  })

  it('answers 413 to a chunked body, having read no more than a multiple of the limit', async () => {
    const edge = await startEdge()
    const chunk = new Uint8Array(1024 * 1024).fill(32)
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += chunk.length
        controller.enqueue(chunk)
      },
    })
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    const response = await edge.request('/v1/chat/completions', init)
    expect(await errorOf(response)).toMatchObject({ status: 413, code: 'body_too_large' })
    expect(sent).toBeLessThan(5 * MAX_REQUEST_BODY_BYTES)
  })

  it('answers 400 to a body that breaks off, and blames nobody', async () => {
    const edge = await startEdge()
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.error(new Error('socket hang up'))
      },
    })
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    const response = await edge.request('/v1/chat/completions', init)
    expect(await errorOf(response)).toMatchObject({ status: 400 })
    expect(edge.log.filter(({ event }) => event === 'error')).toEqual([])
  })

  it('answers 503 when the model is known and nobody is there', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    provider.vanish()
    const response = await edge.chat()
    expect(response.headers.get('retry-after')).toBe('10')
    expect(await errorOf(response)).toMatchObject({ status: 503, code: 'no_provider' })
    await expectNothingHappened(edge)
  })

  it('answers 503 for models that Postgres remembers', async () => {
    const edge = await startEdge()
    edge.hub.remember(['old-model'])
    expect(await errorOf(await edge.chat({ model: 'old-model' }))).toMatchObject({ status: 503 })
  })

  it('answers 402 without credit, tells the client not to retry, and takes the job back', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const poor = newAccountId(edge.clock.now())
    const answer = edge.chat({}, { key: edge.addKey(poor) })
    const job = await provider.jobs.next()
    await new Promise(setImmediate)
    expect(job.cancels).toEqual(['{"reason":"insufficient_credit"}'])
    const response = await answer
    expect(response.headers.get('x-should-retry')).toBe('false')
    const error = await errorOf(response)
    expect(error).toMatchObject({ status: 402, code: 'insufficient_credit' })
    expect(error.message).toMatch(/may cost up to \d+ msat, but 0 msat are available/)
    job.begin().end()
    expect(edge.record).toMatchObject({
      status: 'cancelled',
      errorCode: 'insufficient_credit',
      costMsat: 0,
    })
    expect(await edge.accounts.balance(poor)).toMatchObject({ availableMsat: 0, openHolds: 0 })
    expect(edge.hub.jobsInFlight).toBe(0)
  })

  it('takes the job back when the hold cannot be made at all', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    edge.sql.exec('alter table hold rename to gone')
    const answer = edge.chat({ stream: true })
    const job = await provider.jobs.next()
    job.begin().data(piece.text('unpaid'))
    expect(await errorOf(await answer)).toMatchObject({ status: 500, code: 'internal_error' })
    expect(job.cancels).toEqual(['{"reason":"hold_failed"}'])
    edge.sql.exec('alter table gone rename to hold')
    job.end()
    expect(edge.hub.jobsInFlight).toBe(0)
  })

  it('offers nothing for a client that is gone already', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const leaving = new AbortController()
    const answer = edge.chat({}, { signal: leaving.signal })
    leaving.abort()
    await answer
    expect(provider.jobs.size).toBe(0)
    await expectNothingHappened(edge)
  })
})

/** A provider's only slot is taken by a first request, and a second one waits for it. */
async function waiting(init: RequestInit = {}) {
  const edge = await startEdge()
  const provider = await edge.provider({ slots: 1 })
  const first = edge.chat()
  const job = (await provider.jobs.next()).begin()
  const second = edge.chat({}, init)
  await new Promise(setImmediate)
  expect(edge.hub.jobsWaiting).toBe(1)
  const finish = () => job.data(completion('first')).end()
  return { edge, provider, finish, first, second }
}

describe('limits on what runs at once', () => {
  it('answers 429 with Retry-After above the account’s open requests', async () => {
    const edge = await startEdge()
    const provider = await edge.provider({ slots: MAX_OPEN_HOLDS + 1 })
    await edge.accounts.deposit(edge.account, 'more', 100 * CREDIT_MSAT)
    const running = Array.from({ length: MAX_OPEN_HOLDS }, () => edge.chat({ stream: true }))
    const jobs = []
    for (const _ of running) jobs.push(await provider.jobs.next())
    const response = await edge.chat({ stream: true })
    expect(response.headers.get('retry-after')).toBe('2')
    expect(await errorOf(response)).toMatchObject({
      status: 429,
      code: 'too_many_concurrent_requests',
    })
    for (const job of jobs) answerStream(job)
    for (const answer of running) expect((await readEvents(await answer)).at(-1)).toBe('[DONE]')
    const refused = await provider.jobs.next()
    expect(refused.cancels).toEqual(['{"reason":"too_many_open"}'])
    refused.error()
    expect(await edge.balance()).toMatchObject({ reservedMsat: 0, openHolds: 0 })
    expect(edge.hub.jobsInFlight).toBe(0)
  })

  it('answers 503 with Retry-After when every slot stays taken', async () => {
    const { edge, finish, first, second } = await waiting()
    edge.clock.advance(QUEUE_WAIT_MS)
    const response = await second
    expect(response.headers.get('retry-after')).toBe('2')
    expect(await errorOf(response)).toMatchObject({ status: 503, code: 'queue_timeout' })
    finish()
    expect((await first).status).toBe(200)
  })

  it('gives a waiting request the slot that becomes free', async () => {
    const { provider, finish, first, second } = await waiting()
    expect(provider.jobs.size).toBe(0)
    finish()
    answerJson(await provider.jobs.next())
    expect([(await first).status, (await second).status]).toEqual([200, 200])
  })

  it('gives a waiting request to a provider that joins', async () => {
    const { edge, finish, first, second } = await waiting()
    const newcomer = await edge.provider({ slots: 1 })
    answerJson(await newcomer.jobs.next())
    expect((await second).status).toBe(200)
    finish()
    await first
  })

  it('forgets a waiting request whose client leaves', async () => {
    const leaving = new AbortController()
    const { edge, finish, first, second } = await waiting({ signal: leaving.signal })
    leaving.abort()
    expect((await second).status).toBe(499)
    expect(edge.hub.jobsWaiting).toBe(0)
    finish()
    expect((await first).status).toBe(200)
  })

  it('asks those that said busy again after the time they named', async () => {
    const edge = await startEdge()
    const providers = [await edge.provider(), await edge.provider()]
    const answer = edge.chat()
    await Promise.all(providers.map(async ({ jobs }) => (await jobs.next()).busy(1500)))
    edge.clock.advance(1400)
    await new Promise(setImmediate)
    expect(providers.map(({ jobs }) => jobs.size)).toEqual([0, 0])
    edge.clock.advance(200)
    await new Promise(setImmediate)
    answerJson(await providers.find(({ jobs }) => jobs.size > 0)!.jobs.next())
    expect((await answer).status).toBe(200)
    expect(edge.record.attempts).toBe(3)
  })

  it('answers 504 when the provider takes the job and never starts', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat({ stream: true })
    const job = await provider.jobs.next()
    job.accept()
    edge.clock.advance(FIRST_BYTE_TIMEOUT_MS)
    // The client has had comments since, so that it hears of the end in band.
    const events = await readEvents(await answer)
    expect(events).toMatchObject([{ error: { code: 'provider_timeout' } }])
    expect(job.cancels).toEqual(['{"reason":"timeout"}'])
    expect(provider.closed).toBeUndefined()
    await expectNothingHappened(edge)
  })
})

describe('an answer', () => {
  it('reaches the client as the engine wrote it, with the edge’s headers, and is billed', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat()
    const job = await provider.jobs.next()
    expect(job.header).toMatchObject({ stream: false, max_output_tokens: 100, model: 'tiny' })
    expect(JSON.parse(new TextDecoder().decode(job.body))).toMatchObject({ model: 'tiny' })
    answerJson(job, 'one two three')
    const response = await answer
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json',
      'x-infernet-job': job.header.job,
      'x-infernet-provider': provider.peer,
      'x-request-id': edge.record.requestId,
    })
    const { usage, ...rest } = JSON.parse(completion('one two three')) as { usage: object }
    expect(await response.json()).toEqual({
      ...rest,
      usage: { ...usage, cost: 16, cost_sat: 0.016 },
    })
    expect(edge.record).toMatchObject({
      status: 'completed',
      promptTokens: 10,
      completionTokens: 3,
      costMsat: 10 * 1 + 3 * 2,
      finishReason: 'stop',
    })
    expect(await edge.balance()).toEqual({
      availableMsat: CREDIT_MSAT - 16,
      reservedMsat: 0,
      openHolds: 0,
    })
  })

  it('streams with the headers that keep proxies from buffering', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat({ stream: true })
    answerStream(await provider.jobs.next(), ['a', 'b'])
    const response = await answer
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    })
    expect((await readEvents(response)).at(-1)).toBe('[DONE]')
  })

  it('reserves for the dearest provider, never more tokens than the model has', async () => {
    const edge = await startEdge()
    const dear = modelOffer('tiny', { price: { prompt: 0, completion: 50_000_000 } })
    const provider = await edge.provider({ models: [dear] })
    const answer = edge.chat({ max_completion_tokens: 999_999 })
    const job = await provider.jobs.next()
    expect(job.header.max_output_tokens).toBe(1000)
    expect(await edge.balance()).toMatchObject({ reservedMsat: 1000 * 50 })
    answerJson(job)
    await answer
  })

  it('answers 405 and 404 where there is nothing to do', async () => {
    const edge = await startEdge()
    const response = await edge.request('/v1/chat/completions')
    expect(response.headers.get('allow')).toBe('POST')
    expect(await errorOf(response)).toMatchObject({ status: 405, code: 'method_not_allowed' })
    expect(await errorOf(await edge.request('/v1/nothing'))).toMatchObject({
      status: 404,
      code: 'unknown_url',
    })
  })
})
