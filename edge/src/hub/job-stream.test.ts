import { JOB_WINDOW_BYTES } from '@infernet/schemas/limits'
import { describe, expect, it } from 'vitest'
import {
  CANCEL_GRACE_MS,
  IDLE_TIMEOUT_MS,
  JOB_DEADLINE_MS,
  RETURN_WAIT_MS,
  SWEEP_INTERVAL_MS,
} from '../limits.ts'
import { answerStream, piece, readEvents, streamed } from '../testing/answers.ts'
import type { FakeJob } from '../testing/fake-provider.ts'
import { expectSpent, streaming } from '../testing/one-job.ts'
import { startEdge } from '../testing/test-edge.ts'

type Event = Record<string, unknown> & { choices: { delta?: { content?: string } }[] }

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
    const reading = readEvents(await answer)
    provider.vanish()
    await new Promise(setImmediate)
    edge.clock.advance(RETURN_WAIT_MS + SWEEP_INTERVAL_MS)
    expectBroken(await reading, 'provider_failed')
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

describe('a client that reads along', () => {
  it('lets its provider send for ever, with few credit frames', async () => {
    const { job, answer, provider } = await streaming()
    job.begin().data(piece.role())
    const reader = (await answer).body!.getReader()
    const chunk = piece.text('x'.repeat(10_000))
    for (let sent = 0; sent < 4 * JOB_WINDOW_BYTES; sent += chunk.length) {
      await reader.read()
      job.data(chunk)
    }
    expect(provider.closed).toBeUndefined()
    expect(job.credits.length).toBeGreaterThan(5)
    expect(Math.min(...job.credits)).toBeGreaterThanOrEqual(JOB_WINDOW_BYTES / 2)
  })
})

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
    expect(job.credits).toEqual([])
    expect(provider.closed).toBeUndefined()
    const { value } = await response.body!.getReader().read()
    expect(value?.length).toBe(chunks * chunk.length)
    // Credit comes back in steps of half a window, so less than one step may be owed.
    const [returned] = job.credits
    expect(job.credits).toHaveLength(1)
    expect(returned).toBeLessThanOrEqual(chunks * chunk.length)
    expect(returned).toBeGreaterThan(chunks * chunk.length - JOB_WINDOW_BYTES / 2)
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
