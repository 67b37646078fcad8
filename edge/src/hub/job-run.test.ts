import { MAX_ANSWER_BYTES, MAX_DATA_BYTES, JOB_WINDOW_BYTES } from '@infernet/schemas/limits'
import { describe, expect, it } from 'vitest'
import { CANCEL_GRACE_MS, IDLE_TIMEOUT_MS, JOB_DEADLINE_MS, MAX_ATTEMPTS } from '../limits.ts'
import {
  answerJson,
  answerStream,
  completion,
  piece,
  readEvents,
  streamed,
} from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import type { FakeJob } from '../testing/fake-provider.ts'
import { CREDIT_MSAT, startEdge, type TestEdge } from '../testing/test-edge.ts'

type Event = Record<string, unknown> & { choices: { delta?: { content?: string } }[] }

async function streaming(fields: Record<string, unknown> = {}) {
  const edge = await startEdge()
  const provider = await edge.provider()
  const answer = edge.chat({ stream: true, ...fields })
  return { edge, provider, answer, job: await provider.jobs.next() }
}

/** The job's offer to the second of two providers, after the first has failed it by `breach`. */
async function retried(fields: Record<string, unknown>, breach: (job: FakeJob) => void) {
  const edge = await startEdge()
  const second = await edge.provider()
  const first = await edge.provider()
  const answer = edge.chat(fields)
  const job = await first.jobs.next()
  breach(job)
  return { edge, answer, first, second, failed: job, job: await second.jobs.next() }
}

const textOf = (events: readonly unknown[]): string =>
  (events as Event[]).map((event) => event.choices?.[0]?.delta?.content ?? '').join('')

/** A stream that broke: an OpenAI-style error chunk is the last event, and no `[DONE]`. */
function expectBroken(events: readonly unknown[], code: string): void {
  expect(events).not.toContain('[DONE]')
  expect(events.at(-1)).toMatchObject({
    object: 'chat.completion.chunk',
    error: { message: expect.any(String), type: expect.any(String), code, param: null },
    choices: [{ finish_reason: 'error' }],
  })
}

async function expectSpent(edge: TestEdge, msat: number): Promise<void> {
  expect(await edge.balance()).toEqual({
    availableMsat: CREDIT_MSAT - msat,
    reservedMsat: 0,
    openHolds: 0,
  })
  expect(edge.hub.jobsInFlight).toBe(0)
  expect(edge.record.costMsat).toBe(msat)
}

describe('before the first token', () => {
  const breaches: [string, (job: FakeJob) => void][] = [
    ['says busy', (job) => job.busy()],
    ['reports an error of its own', (job) => job.accept().error()],
    ['ends without an answer', (job) => job.begin().end()],
  ]
  it.each(breaches)('the job goes elsewhere when a provider %s', async (_, breach) => {
    const { edge, answer, second, job } = await retried({ stream: true }, breach)
    expect(job.header.lease).toBe(`${job.header.job}.2`)
    answerStream(job)
    expect((await readEvents(await answer)).at(-1)).toBe('[DONE]')
    expect(edge.record).toMatchObject({ attempts: 2, providerId: second.peer })
    await expectSpent(edge, 16)
  })

  it('the job goes elsewhere when its provider is lost', async () => {
    const edge = await startEdge()
    const second = await edge.provider()
    const first = await edge.provider()
    const answer = edge.chat()
    ;(await first.jobs.next()).accept()
    first.vanish()
    answerJson(await second.jobs.next())
    expect((await answer).status).toBe(200)
  })

  it('the job goes elsewhere when its provider is too slow', async () => {
    const edge = await startEdge()
    const second = await edge.provider()
    const first = await edge.provider()
    const answer = edge.chat({ stream: true })
    const slow = (await first.jobs.next()).begin()
    edge.clock.advance(IDLE_TIMEOUT_MS)
    expect(slow.cancels).toEqual(['{"reason":"timeout"}'])
    answerStream(await second.jobs.next())
    expect((await readEvents(await answer)).at(-1)).toBe('[DONE]')
  })

  it('gives up after so many providers, with the last one’s failure', async () => {
    const edge = await startEdge()
    const providers = []
    for (let i = 0; i <= MAX_ATTEMPTS; i++) providers.push(await edge.provider())
    for (const { jobs } of providers) void jobs.next().then((job) => job.error())
    const answer = edge.chat()
    expect(await errorOf(await answer)).toMatchObject({ status: 502, code: 'provider_failed' })
    expect(edge.record).toMatchObject({ status: 'failed', attempts: MAX_ATTEMPTS })
    await expectSpent(edge, 0)
  })

  it('an error of the request goes to the client as it is and nobody retries', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const idle = await edge.provider()
    const answer = edge.chat()
    const job = await Promise.race([provider.jobs.next(), idle.jobs.next()])
    const code = 'context_length_exceeded'
    job.error({ fault: 'request', status: 400, code, message: 'Too long.', param: 'messages' })
    const response = await answer
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect(await errorOf(response)).toEqual({
      status: 400,
      type: 'invalid_request_error',
      code,
      message: 'Too long.',
      param: 'messages',
    })
    // The engine's own code is a stranger's text, which has no place in metrics.
    expect(edge.record).toMatchObject({ errorCode: 'engine_refused', attempts: 1 })
    await expectSpent(edge, 0)
  })

  it.each([401, 429, 500])('an engine’s status %i is no business of the client', async (status) => {
    const { job, answer } = await streaming()
    job.error({ fault: 'request', status })
    expect((await errorOf(await answer)).status).toBe(400)
  })

  it('the client hangs up: the provider hears of it and nothing is charged', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const leaving = new AbortController()
    const answer = edge.chat({ stream: true }, { signal: leaving.signal })
    const job = (await provider.jobs.next()).accept()
    leaving.abort()
    expect(job.cancels).toEqual(['{"reason":"client_disconnected"}'])
    expect((await answer).status).toBe(499)
    job.error()
    expect(edge.record).toMatchObject({ status: 'cancelled', errorCode: 'client_disconnected' })
    await expectSpent(edge, 0)
  })

  it('empty frames are no sign of life', async () => {
    const { edge, job, answer } = await streaming()
    job.begin()
    for (let i = 0; i < 3; i++) {
      edge.clock.advance(IDLE_TIMEOUT_MS / 3)
      job.data('')
    }
    expect((await errorOf(await answer)).status).toBe(504)
  })
})

describe('a stream', () => {
  it('passes the engine’s events on and ends with [DONE]', async () => {
    const { edge, job, answer } = await streaming()
    answerStream(job, ['one ', 'two'])
    const events = await readEvents(await answer)
    expect(textOf(events)).toBe('one two')
    expect(events.at(-1)).toBe('[DONE]')
    expect(JSON.stringify(events)).not.toContain('"usage"')
    await expectSpent(edge, 10 + 2 * 2)
  })

  it('has a usage chunk with the billed numbers when the client asks for it', async () => {
    const { edge, job, answer } = await streaming({ stream_options: { include_usage: true } })
    expect(job.header.include_usage).toBe(true)
    job.begin().data(streamed(['one ', 'two'], { prompt: 10, completion: 5000 }))
    job.end()
    const events = await readEvents(await answer)
    const { promptTokens, completionTokens } = edge.record
    // A token has at least a byte: 7 bytes of text, and 4 tokens without text.
    expect(completionTokens).toBe(7 + 4)
    expect(events.at(-2)).toMatchObject({
      id: 'chatcmpl-1',
      choices: [],
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        total_tokens: promptTokens + completionTokens,
      },
    })
    expect(events.filter((event) => (event as Event)['usage'] !== undefined)).toHaveLength(1)
    expect(edge.record.claimedTokens).toBe(5000)
    await expectSpent(edge, 10 + 11 * 2)
  })

  it('costs no more than was reserved, whatever the provider claims', async () => {
    const { edge, job, answer } = await streaming({ max_completion_tokens: 1 })
    const words = Array.from({ length: 1000 }, () => 'word ')
    job.begin().data(streamed(words, { prompt: 1e9, completion: 1e9 }))
    job.end()
    await readEvents(await answer)
    expect(edge.record.costMsat).toBe(edge.record.holdMsat)
    await expectSpent(edge, edge.record.holdMsat)
  })

  it.each([
    ['a provider’s error', (job: FakeJob) => job.error()],
    ['an end without finish reason', (job: FakeJob) => job.end()],
    ['the engine’s own error event', (job: FakeJob) => job.data('data: {"error":{}}\n\n')],
  ])('that breaks by %s ends with an error in band', async (_, breach) => {
    const { edge, job, answer } = await streaming()
    job.begin().data(piece.role()).data(piece.text('one '))
    breach(job)
    const events = await readEvents(await answer)
    expect(textOf(events)).toBe('one ')
    expectBroken(events, 'provider_failed')
    expect(events.at(-1)).toMatchObject({ id: 'chatcmpl-1' })
    expect(edge.record).toMatchObject({ status: 'failed', completionTokens: 1 })
    expect(edge.hub.jobsInFlight).toBe(0)
  })

  it('that breaks by the request’s fault says so in band', async () => {
    const { job, answer } = await streaming()
    job.begin().data(piece.text('one ')).error({ fault: 'request', code: 'grammar' })
    expectBroken(await readEvents(await answer), 'grammar')
  })

  it('whose provider is lost ends with an error in band, and goes nowhere else', async () => {
    const { edge, provider, job, answer } = await streaming()
    const idle = await edge.provider()
    job.begin().data(piece.text('one '))
    provider.vanish()
    expectBroken(await readEvents(await answer), 'provider_failed')
    expect(idle.jobs.size).toBe(0)
  })

  it('that stalls ends with a timeout in band', async () => {
    const { edge, job, answer } = await streaming()
    job.begin().data(piece.text('one '))
    const response = await answer
    edge.clock.advance(IDLE_TIMEOUT_MS)
    expectBroken(await readEvents(response), 'provider_timeout')
    expect(job.cancels).toEqual(['{"reason":"timeout"}'])
  })

  it('that lasts too long is ended at the deadline', async () => {
    const { edge, job, answer } = await streaming()
    job.begin()
    const reader = (await (job.data(piece.text('.')), answer)).body!.getReader()
    for (let ms = 0; ms < JOB_DEADLINE_MS; ms += IDLE_TIMEOUT_MS / 2) {
      await reader.read()
      edge.clock.advance(IDLE_TIMEOUT_MS / 2)
      job.data(piece.text('.'))
    }
    expect(job.cancels).toEqual(['{"reason":"timeout"}'])
  })

  it.each([
    ['text that is no SSE', 'Internal Server Error\n\n'],
    ['broken JSON', 'data: {"choices":[{]}\n\n'],
    ['a named event', 'event: error\ndata: {}\n\n'],
  ])('of %s is stopped, and so is its provider', async (_, garbage) => {
    const { edge, job, answer } = await streaming()
    job.begin().data(piece.text('one ')).data(garbage).data(piece.text('two '))
    const events = await readEvents(await answer)
    expect(textOf(events)).toBe('one ')
    expectBroken(events, 'provider_failed')
    expect(job.cancels).toEqual(['{"reason":"malformed stream"}'])
    job.data(piece.done()).end()
    expect(edge.records).toHaveLength(1)
    expect(edge.hub.jobsInFlight).toBe(0)
  })

  it('may be cut anywhere by its provider', async () => {
    const { job, answer } = await streaming()
    job.begin()
    for (const byte of streamed(['naïve ', '日本'])) job.data(Uint8Array.of(byte))
    job.end()
    const events = await readEvents(await answer)
    expect(textOf(events)).toBe('naïve 日本')
    expect(events.at(-1)).toBe('[DONE]')
  })

  it('is handed over in one piece per message of the provider', async () => {
    const { provider, job, answer } = await streaming()
    job.begin().data(piece.role())
    const reader = (await answer).body!.getReader()
    await reader.read()
    const next = reader.read()
    const frames = ['a', 'b', 'c'].map((text) => job.frame(10, piece.text(text)))
    provider.send(...frames)
    const { value } = await next
    expect(new TextDecoder().decode(value).match(/data: /g)).toHaveLength(3)
  })

  it('works as a byte stream too', async () => {
    const edge = await startEdge({ byteStreams: true })
    const provider = await edge.provider()
    const answer = edge.chat({ stream: true, stream_options: { include_usage: true } })
    answerStream(await provider.jobs.next(), ['one ', 'two'])
    const events = await readEvents(await answer)
    expect(textOf(events)).toBe('one two')
    expect(events.slice(-2)).toMatchObject([{ usage: { completion_tokens: 2 } }, '[DONE]'])
  })
})

/** A client that has taken the role and `read` words, and then hung up. */
async function hungUp(read: number) {
  const test = await streaming()
  const { job, answer } = test
  job.begin().data(piece.role())
  const reader = (await answer).body!.getReader()
  await reader.read()
  for (let i = 0; i < read; i++) {
    job.data(piece.text('word '))
    await reader.read()
  }
  job.data(piece.text('unread ')).data(piece.text('unread '))
  await reader.cancel()
  return test
}

describe('a client that hangs up in mid-stream', () => {
  it('stops the provider at once and pays for what it got', async () => {
    const { edge, job } = await hungUp(2)
    expect(job.cancels).toEqual(['{"reason":"client_disconnected"}'])
    job.data(piece.text('late ')).end({ usage: { prompt_tokens: 10, completion_tokens: 5 } })
    expect(edge.record).toMatchObject({
      status: 'cancelled',
      errorCode: 'client_disconnected',
      promptTokens: 10,
      completionTokens: 2,
    })
    await expectSpent(edge, 10 + 2 * 2)
  })

  it('pays nothing when it got no text', async () => {
    const { edge, job } = await hungUp(0)
    job.end()
    await expectSpent(edge, 0)
  })

  it('is settled after a grace when the provider does not answer the cancel', async () => {
    const { edge, job } = await hungUp(2)
    edge.clock.advance(CANCEL_GRACE_MS)
    expect(edge.record).toMatchObject({ status: 'cancelled', completionTokens: 2 })
    expect(edge.hub.jobsInFlight).toBe(0)
    job.data('late').end()
    expect(edge.records).toHaveLength(1)
  })

  it('is settled when the provider vanishes meanwhile', async () => {
    const { edge, provider } = await hungUp(1)
    provider.vanish()
    expect(edge.record).toMatchObject({ status: 'cancelled', completionTokens: 1 })
  })

  it('after the provider has ended pays for what it took, at once', async () => {
    const { edge, job, answer } = await streaming()
    job.begin().data(piece.text('one '))
    const reader = (await answer).body!.getReader()
    await reader.read()
    job.data(streamed(['two '])).end()
    await reader.cancel()
    expect(edge.record).toMatchObject({ status: 'cancelled', completionTokens: 1 })
    expect(edge.hub.jobsInFlight).toBe(0)
  })
})

describe('a client that does not read', () => {
  it('gets no more than a window, and its provider no credit', async () => {
    const { job, answer, provider } = await streaming()
    job.begin()
    const chunk = piece.text('x'.repeat(1000))
    const chunks = Math.floor(JOB_WINDOW_BYTES / chunk.length)
    for (let i = 0; i < chunks; i++) job.data(chunk)
    const response = await answer
    expect(job.credit).toBe(0)
    expect(provider.closed).toBeUndefined()
    const reader = response.body!.getReader()
    const { value } = await reader.read()
    const taken = chunks * chunk.length
    expect(value?.length).toBe(taken)
    // Credit comes back in steps of half a window, so less than one step may be owed.
    expect(taken - job.credit).toBeLessThan(JOB_WINDOW_BYTES / 2)
    expect(job.credit).toBeLessThanOrEqual(taken)
  })

  it('is let go at the deadline, though its provider has long ended', async () => {
    const { edge, job, answer } = await streaming()
    answerStream(job)
    const response = await answer
    edge.clock.advance(JOB_DEADLINE_MS)
    expect(edge.record).toMatchObject({ status: 'cancelled', errorCode: 'deadline', costMsat: 0 })
    expect(edge.hub.jobsInFlight).toBe(0)
    await expect(response.text()).rejects.toThrow('deadline')
  })

  it('leaves no timer behind', async () => {
    const { edge, job, answer } = await streaming()
    answerStream(job)
    await readEvents(await answer)
    edge.clock.advance(60_000)
    expect(edge.clock.waiting).toBe(0)
  })
})

describe('an answer in one piece', () => {
  const good = completion('fine')
  it.each([
    ['no JSON', 'Segmentation fault'],
    ['cut JSON', good.slice(0, -2)],
    ['bytes that are no UTF-8', Uint8Array.of(0xff, 0xfe)],
    ['no choices', '{"choices":[],"usage":{}}'],
    ['a choice without finish reason', good.replace('"stop"', 'null')],
    ['an error instead', '{"error":{"message":"oops"}}'],
  ])('of %s is another provider’s chance', async (_, body) => {
    const { edge, answer, second, job } = await retried({}, (first) =>
      first.begin().data(body).end(),
    )
    answerJson(job, 'fine')
    expect(await (await answer).text()).toBe(good)
    expect(edge.record).toMatchObject({ attempts: 2, providerId: second.peer })
  })

  it('with fewer choices than asked for is another provider’s chance', async () => {
    const { answer, job } = await retried({ n: 2 }, answerJson)
    const { choices, ...rest } = JSON.parse(good) as { choices: object[] }
    const two = JSON.stringify({ ...rest, choices: [...choices, ...choices] })
    job.begin().data(two).end()
    expect(await (await answer).text()).toBe(two)
  })

  it('that is too large is stopped', async () => {
    const { edge, answer, failed, job } = await retried({}, (first) => {
      first.begin()
      const chunk = new Uint8Array(MAX_DATA_BYTES).fill(32)
      for (let sent = 0; sent <= MAX_ANSWER_BYTES; sent += chunk.length) first.data(chunk)
    })
    expect(failed.cancels).toEqual(['{"reason":"answer too large"}'])
    answerJson(job)
    expect((await answer).status).toBe(200)
    expect(edge.record.attempts).toBe(2)
  })

  it('with an inflated claim is billed by its text', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat()
    ;(await provider.jobs.next())
      .begin()
      .data(completion('abc', 10, 5000))
      .end()
    await answer
    expect(edge.record).toMatchObject({ completionTokens: 3 + 4, claimedTokens: 5000 })
    await expectSpent(edge, 10 + 7 * 2)
  })

  it('of a failed attempt leaves nothing in the record of the next', async () => {
    const edge = await startEdge()
    const second = await edge.provider()
    const first = await edge.provider()
    const answer = edge.chat()
    const job = (await first.jobs.next()).begin()
    job.data('garbage').end({ usage: { prompt_tokens: 9, completion_tokens: 9 } })
    ;(await second.jobs.next()).error()
    expect((await answer).status).toBe(502)
    expect(edge.record).toMatchObject({ claimedTokens: 0, firstByteMs: null, attempts: 2 })
  })
})
