import { contentChunk } from '@infernet/openai-compat/chat-chunk'
import { commentEvent, encodeData } from '@infernet/openai-compat/sse-encoder'
import { SseDecoder } from '@infernet/openai-compat/sse-decoder'
import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { describe, expect, it } from 'vitest'
import { KEEP_ALIVE_MS, RETURN_WAIT_MS, SWEEP_INTERVAL_MS } from '../limits.ts'
import { answerJson, answerStream, piece } from '../testing/answers.ts'
import { modelOffer } from '../testing/fake-provider.ts'
import { expectSpent } from '../testing/one-job.ts'
import { CREDIT_MSAT, startEdge, type TestEdge } from '../testing/test-edge.ts'

/** Asks as Anthropic's SDK does: with the key in a header of its own. */
function ask(edge: TestEdge, fields: object = {}, headers: Record<string, string> = {}) {
  const body = JSON.stringify({
    model: 'tiny',
    max_tokens: 100,
    messages: [{ role: 'user', content: 'Count to three.' }],
    ...fields,
  })
  const sent = { 'x-api-key': edge.key, 'anthropic-version': '2023-06-01', ...headers }
  return edge.fetch(
    new Request('http://edge.test/v1/messages', { method: 'POST', body, headers: sent }),
  )
}

interface Event {
  type: string
  [field: string]: unknown
}

async function eventsOf(response: Response): Promise<Event[]> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  return new SseDecoder().push(bytes).map(({ event, data }) => {
    const value = JSON.parse(data) as Event
    expect(event).toBe(value.type)
    return value
  })
}

const textOf = (events: readonly Event[]): string =>
  events.map(({ delta }) => (delta as { text?: string } | undefined)?.text ?? '').join('')

describe('POST /v1/messages', () => {
  it('asks a chat completion of the provider and answers with a message', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const asked = ask(edge, { system: 'Be brief.', stop_sequences: ['END'] })
    const job = await provider.jobs.next()
    expect(job.header).toMatchObject({ endpoint: 'chat.completions', max_output_tokens: 100 })
    expect(JSON.parse(new TextDecoder().decode(job.body))).toEqual({
      model: 'tiny',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Count to three.' },
      ],
      max_completion_tokens: 100,
      stop: ['END'],
    })
    answerJson(job)
    const response = await asked
    expect(response.status).toBe(200)
    expect(response.headers.get('request-id')).toBe(response.headers.get('x-request-id'))
    const id = response.headers.get('x-infernet-job')!.replace('job_', 'msg_')
    expect(await response.json()).toMatchObject({
      id,
      type: 'message',
      role: 'assistant',
      model: 'tiny',
      content: [{ type: 'text', text: 'one two three' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 10, output_tokens: 3, cost: 16, cost_sat: 0.016 },
    })
    await expectSpent(edge, 16)
  })

  it('streams a message, with the bill at its end', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const asked = ask(edge, { stream: true })
    const job = await provider.jobs.next()
    expect(JSON.parse(new TextDecoder().decode(job.body))).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    })
    answerStream(job)
    const response = await asked
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const events = await eventsOf(response)
    expect(events[0]).toMatchObject({ type: 'message_start', message: { model: 'tiny' } })
    expect(textOf(events)).toBe('one two three')
    expect(events.at(-2)).toMatchObject({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: { input_tokens: 10, output_tokens: 3, cost: 16 },
    })
    expect(events.at(-1)).toEqual({ type: 'message_stop' })
    await expectSpent(edge, 16)
  })

  it('pings a client whose answer takes its time', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const asked = ask(edge, { stream: true })
    const job = await provider.jobs.next()
    job.begin().data(piece.text('one '))
    const reading = eventsOf(await asked)
    await Promise.resolve()
    edge.clock.advance(KEEP_ALIVE_MS)
    answerRest(job.data(commentEvent('busy')))
    const types = (await reading).map(({ type }) => type)
    expect(types.filter((type) => type === 'ping').length).toBeGreaterThan(1)
    expect(types.at(-1)).toBe('message_stop')
  })

  it('ends a stream whose provider fails with an error event', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const asked = ask(edge, { stream: true })
    const job = await provider.jobs.next()
    job.begin().data(piece.text('one '))
    const reading = eventsOf(await asked)
    await Promise.resolve()
    provider.vanish()
    await new Promise(setImmediate)
    edge.clock.advance(RETURN_WAIT_MS + SWEEP_INTERVAL_MS)
    const events = await reading
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      error: { type: 'api_error', details: { error_code: 'provider_failed' } },
      request_id: expect.stringMatching(/^req_/),
    })
    expect(events.map(({ type }) => type)).not.toContain('message_stop')
  })

  it('stops the provider when its client leaves the stream', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const asked = ask(edge, { stream: true })
    const job = await provider.jobs.next()
    job.begin().data(encodeData(contentChunk({ id: 'c', created: 1, model: 'm' }, 'one ')))
    const reader = (await asked).body!.getReader()
    await reader.read()
    await reader.cancel()
    expect(job.cancels).toHaveLength(1)
    job.end()
    expect(edge.record.status).toBe('cancelled')
  })

  it('lets another provider go on with a text that one began', async () => {
    const edge = await startEdge()
    const models = [modelOffer('tiny', { capabilities: ['continue'] })]
    const second = await edge.provider({ models })
    const first = await edge.provider({ models })
    const asked = ask(edge, { stream: true })
    const job = await first.jobs.next()
    job.begin().data(piece.text('one '))
    const reading = eventsOf(await asked)
    await Promise.resolve()
    job.error()
    const rest = await second.jobs.next()
    expect(rest.header.continues).toBe(true)
    answerStream(rest, ['two ', 'three'])
    const events = await reading
    expect(textOf(events)).toBe('one two three')
    expect(events.at(-1)).toEqual({ type: 'message_stop' })
    expect(events.filter(({ type }) => type === 'content_block_start')).toHaveLength(1)
  })
})

function answerRest(job: { data(bytes: Uint8Array): unknown; end(): unknown }): void {
  for (const bytes of [piece.finish(), piece.usage(10, 1), piece.done()]) job.data(bytes)
  job.end()
}

describe('what is wrong with a message request', () => {
  const tools = [{ name: 'now', input_schema: { type: 'object' } }]
  it.each([
    [
      'another key',
      {},
      { 'x-api-key': 'sk-nobody' },
      401,
      'authentication_error',
      'invalid_api_key',
    ],
    [
      'no limit',
      { max_tokens: undefined },
      {},
      400,
      'invalid_request_error',
      'missing_required_parameter',
    ],
    ['an unknown model', { model: 'huge' }, {}, 404, 'not_found_error', 'model_not_found'],
    [
      'tools that nobody can call',
      { tools },
      {},
      400,
      'invalid_request_error',
      'unsupported_by_model',
    ],
  ])('is said in Anthropic’s envelope: %s', async (_, fields, headers, status, type, code) => {
    const edge = await startEdge()
    await edge.provider()
    const response = await ask(edge, fields, headers)
    expect(response.status).toBe(status)
    expect(response.headers.get('request-id')).toMatch(/^req_/)
    expect(await response.json()).toEqual({
      type: 'error',
      error: {
        type,
        message: expect.any(String),
        details: expect.objectContaining({ error_code: code }),
      },
      request_id: response.headers.get('request-id'),
    })
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT)
  })

  it('refuses a request that outgrows the limit as a chat completion', async () => {
    const edge = await startEdge()
    const quotes = '"'.repeat(MAX_REQUEST_BODY_BYTES / 3)
    const call = { type: 'tool_use', id: 'a', name: 'now', input: { quotes } }
    const messages = [{ role: 'assistant', content: [call] }]
    const response = await ask(edge, { messages })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
  })
})
