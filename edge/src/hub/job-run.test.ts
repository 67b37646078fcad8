import { MAX_ANSWER_BYTES, MAX_DATA_BYTES } from '@infernet/schemas/limits'
import { describe, expect, it } from 'vitest'
import { IDLE_TIMEOUT_MS, MAX_ATTEMPTS } from '../limits.ts'
import { answerJson, answerStream, completion, readEvents } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import type { Capability } from '@infernet/schemas/wire'
import { modelOffer, type FakeJob } from '../testing/fake-provider.ts'
import { expectSpent, streaming } from '../testing/one-job.ts'
import { startEdge } from '../testing/test-edge.ts'

/** The job's offer to the second of two providers, after the first has failed it by `breach`. */
async function retried(
  fields: Record<string, unknown>,
  breach: (job: FakeJob) => void,
  capability: Partial<Capability> = {},
) {
  const edge = await startEdge()
  const second = await edge.provider(capability)
  const first = await edge.provider(capability)
  const answer = edge.chat(fields)
  const job = await first.jobs.next()
  breach(job)
  return { edge, answer, first, second, failed: job, job: await second.jobs.next() }
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
    const events = await readEvents(await answer)
    expect(events).toMatchObject([{ error: { code: 'provider_timeout' } }])
  })
})

describe('an answer in one piece', () => {
  const good = completion('fine')
  const { choices } = JSON.parse(good) as { choices: object[] }
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
    expect(await (await answer).json()).toMatchObject({ choices })
    expect(edge.record).toMatchObject({ attempts: 2, providerId: second.peer })
  })

  it('with fewer choices than asked for is another provider’s chance', async () => {
    const { answer, job } = await retried({ n: 2 }, answerJson, {
      models: [modelOffer('tiny', { capabilities: ['choices'] })],
    })
    const rest = JSON.parse(good) as object
    const two = JSON.stringify({ ...rest, choices: [...choices, ...choices] })
    job.begin().data(two).end()
    expect(await (await answer).json()).toMatchObject({ choices: [...choices, ...choices] })
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
