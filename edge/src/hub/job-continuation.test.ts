import { concatenate } from './job-body.ts'
import { describe, expect, it } from 'vitest'
import { IDLE_TIMEOUT_MS, KEEP_ALIVE_MS, MAX_ATTEMPTS, RETURN_WAIT_MS } from '../limits.ts'
import { answerStream, piece, readEvents, streamed } from '../testing/answers.ts'
import { modelOffer, type FakeJob, type FakeProvider } from '../testing/fake-provider.ts'
import { expectSpent } from '../testing/one-job.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'

type Chunk = Record<string, unknown> & {
  id: string
  choices: { delta?: { content?: string; role?: string }; finish_reason: string | null }[]
}

const continuing = { models: [modelOffer('tiny', { capabilities: ['continue'] })] }

/** An edge with so many providers that can go on with another's answer, the last the first asked. */
async function edgeWith(count: number): Promise<{ edge: TestEdge; providers: FakeProvider[] }> {
  const edge = await startEdge()
  const providers = []
  for (let i = 0; i < count; i++) providers.unshift(await edge.provider(continuing))
  return { edge, providers }
}

/** The offer of the one job, whoever got it. */
async function nextOf(providers: readonly FakeProvider[]): Promise<FakeJob> {
  for (;;) {
    const offered = providers.find(({ jobs }) => jobs.size > 0)
    if (offered !== undefined) return offered.jobs.next()
    await new Promise(setImmediate)
  }
}

const textOf = (events: readonly unknown[]): string =>
  (events as Chunk[]).map((event) => event.choices?.[0]?.delta?.content ?? '').join('')

/** One well-formed stream: one id, one role, one finish reason, `[DONE]`. */
function expectWhole(events: readonly unknown[], text: string): void {
  expect(textOf(events)).toBe(text)
  expect(events.at(-1)).toBe('[DONE]')
  const chunks = events.slice(0, -1) as Chunk[]
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  expect(chunks.filter(({ choices }) => choices[0]?.delta?.role !== undefined)).toHaveLength(1)
  expect(chunks.filter(({ choices }) => choices[0]?.finish_reason)).toHaveLength(1)
}

const breaks: [string, (job: FakeJob, provider: FakeProvider, edge: TestEdge) => void][] = [
  ['is lost', (_job, provider) => provider.vanish()],
  ['reports an error', (job) => job.error()],
  ['ends too early', (job) => job.end()],
  ['sends nonsense', (job) => job.data('data: {"choices": [nonsense]}\n\n')],
  ['sends an error in band', (job) => job.data('data: {"error":{"message":"cuda"}}\n\n')],
  ['stalls', (_job, _provider, edge) => edge.clock.advance(IDLE_TIMEOUT_MS)],
]

describe('after the first token', () => {
  it.each(breaks)('another provider goes on when one %s', async (_, breach) => {
    const { edge, providers } = await edgeWith(2)
    const [first, second] = providers as [FakeProvider, FakeProvider]
    const answer = edge.chat({ stream: true, stream_options: { include_usage: true } })
    const job = await first.jobs.next()
    job.begin().data(concatenate([piece.role(), piece.text('one '), piece.text('two ')]))
    const reading = readEvents(await answer)
    await Promise.resolve()
    breach(job, first, edge)
    const rest = await second.jobs.next()
    expect(rest.header).toMatchObject({ continues: true, max_output_tokens: 98 })
    const body = JSON.parse(new TextDecoder().decode(rest.body)) as { messages: unknown[] }
    expect(body.messages.at(-1)).toEqual({ role: 'assistant', content: 'one two ' })
    rest.begin().data(streamed(['three ', 'four'], { prompt: 12, completion: 2 }))
    rest.end({ usage: { prompt_tokens: 12, completion_tokens: 2 } })
    const events = await reading
    const usage = events.at(-2) as { usage: Record<string, number> }
    expectWhole(events.toSpliced(-2, 1), 'one two three four')
    expect(usage.usage).toMatchObject({ completion_tokens: 4, cost: edge.record.costMsat })
    const { record } = edge
    expect(record).toMatchObject({
      status: 'completed',
      providerId: second.peer,
      completionTokens: 4,
      attempts: 2,
      priorLegs: [{ providerId: first.peer, completionTokens: 2, costMsat: 4 }],
    })
    expect(record.costMsat).toBe(record.promptTokens + 4 * 2)
    await expectSpent(edge, record.costMsat)
  })

  it('its own provider goes on where nobody else can, when its line is back', async () => {
    const edge = await startEdge()
    const first = await edge.provider(continuing)
    const answer = edge.chat({ stream: true })
    const job = await first.jobs.next()
    job.begin().data(concatenate([piece.role(), piece.text('one ')]))
    const reading = readEvents(await answer)
    await Promise.resolve()
    first.vanish()
    edge.clock.advance(RETURN_WAIT_MS / 2)
    const again = await edge.provider(continuing, first.key)
    const rest = await again.jobs.next()
    expect(rest.header).toMatchObject({ continues: true })
    rest.begin().data(streamed(['two'], { prompt: 10, completion: 1 }))
    rest.end({ usage: { prompt_tokens: 10, completion_tokens: 1 } })
    expectWhole(await reading, 'one two')
    expect(edge.record).toMatchObject({ attempts: 2, priorLegs: [{ providerId: first.peer }] })
    await expectSpent(edge, edge.record.costMsat)
  })

  it('nobody waits for a provider that was sent away', async () => {
    const edge = await startEdge()
    const first = await edge.provider(continuing)
    const answer = edge.chat()
    const job = await first.jobs.next()
    job.begin()
    first.send(new Uint8Array([255]))
    expect(first.closed).toBeDefined()
    expect((await answer).status).toBe(502)
  })

  it('a provider that cannot go on is not asked to', async () => {
    const edge = await startEdge()
    await edge.provider()
    const first = await edge.provider(continuing)
    const answer = edge.chat({ stream: true })
    const job = await first.jobs.next()
    job.begin().data(concatenate([piece.role(), piece.text('one ')]))
    const reading = readEvents(await answer)
    job.error()
    const events = await reading
    expect(events.at(-1)).toMatchObject({ choices: [{ finish_reason: 'error' }] })
    expect(edge.record.status).toBe('failed')
    await expectSpent(edge, edge.record.promptTokens + 2)
  })

  it('an answer with only its role so far begins anew anywhere', async () => {
    const edge = await startEdge()
    const second = await edge.provider()
    const first = await edge.provider()
    const answer = edge.chat({ stream: true })
    ;(await first.jobs.next()).begin().data(piece.role()).error()
    const reading = readEvents(await answer)
    const rest = await second.jobs.next()
    expect(rest.header.continues).toBe(false)
    answerStream(rest)
    expectWhole(await reading, 'one two three')
  })

  it('an answer that lacks nothing but its provider’s last word is complete', async () => {
    const { edge, providers } = await edgeWith(2)
    const answer = edge.chat({ stream: true })
    const job = await nextOf(providers)
    job
      .begin()
      .data(streamed(['one ', 'two'], { prompt: 10, completion: 2 }))
      .error()
    expectWhole(await readEvents(await answer), 'one two')
    expect(edge.record).toMatchObject({ status: 'completed', priorLegs: [], attempts: 1 })
  })

  it('ends with an error in band after so many failures', async () => {
    const { edge, providers } = await edgeWith(MAX_ATTEMPTS + 1)
    const answer = edge.chat({ stream: true }).then(readEvents)
    for (let i = 0; i < MAX_ATTEMPTS; i++) {
      const job = await nextOf(providers)
      job
        .begin()
        .data(concatenate([piece.role(), piece.text(`${i} `)]))
        .error()
    }
    const events = await answer
    expect(textOf(events)).toBe('0 1 2 ')
    expect(events).not.toContain('[DONE]')
    expect(edge.record.priorLegs).toHaveLength(MAX_ATTEMPTS - 1)
    await expectSpent(edge, edge.record.costMsat)
  })

  it('a slow client gets all that its first provider sent before another goes on', async () => {
    const { edge, providers } = await edgeWith(2)
    const [first, second] = providers as [FakeProvider, FakeProvider]
    const answer = edge.chat({ stream: true })
    const job = await first.jobs.next()
    job.begin().data(concatenate([piece.role(), piece.text('one ')]))
    const reader = (await answer).body?.getReader()
    const seen = [(await reader?.read())?.value ?? new Uint8Array()]
    job.data(piece.text('two ')).data(piece.text('three ')).error()
    expect(second.jobs.size).toBe(0)
    const answered = second.jobs.next().then((rest) => {
      answerStream(rest, ['four '])
      return new TextDecoder().decode(rest.body)
    })
    for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
      seen.push(part.value)
    }
    const response = new Response(concatenate(seen))
    expectWhole(await readEvents(response), 'one two three four ')
    expect(await answered).toContain('"one two three "')
    expect(edge.record.priorLegs).toMatchObject([{ completionTokens: 3 }])
  })
})

describe('a client that waits', () => {
  it('hears a comment, and an error in band when nobody can answer', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat({ stream: true })
    const job = (await provider.jobs.next()).accept()
    edge.clock.advance(KEEP_ALIVE_MS)
    const response = await answer
    expect(response.status).toBe(200)
    expect(response.headers.has('x-infernet-provider')).toBe(false)
    const reading = response.text()
    job.error()
    const text = await reading
    expect(text).toMatch(/^: infernet processing\n\n/)
    expect(text).toContain('"finish_reason":"error"')
    expect(edge.record.status).toBe('failed')
    await expectSpent(edge, 0)
  })

  it('gets its answer behind the comments', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat({ stream: true })
    const job = (await provider.jobs.next()).accept()
    edge.clock.advance(KEEP_ALIVE_MS)
    const reading = readEvents(await answer)
    job
      .head()
      .data(streamed(['one ', 'two ', 'three']))
      .end()
    expectWhole(await reading, 'one two three')
  })
})
