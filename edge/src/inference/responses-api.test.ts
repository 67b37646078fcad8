import { streamErrorEvent } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { COMPONENTS } from '@infernet/openai-compat/openapi/components'
import type { ResponseObject } from '@infernet/openai-compat/responses/response-types'
import { encodeData } from '@infernet/openai-compat/sse-encoder'
import { newAccountId } from '@infernet/schemas/ids'
import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { describe, expect, it } from 'vitest'
import { CANCEL_GRACE_MS, JOB_DEADLINE_MS, RESPONSE_TTL_MS, SWEEP_INTERVAL_MS } from '../limits.ts'
import { answerJson, answerStream, piece, readEvents } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { modelOffer, type FakeJob, type FakeProvider } from '../testing/fake-provider.ts'
import { CREDIT_MSAT, startEdge, type TestEdge } from '../testing/test-edge.ts'

type Fields = Record<string, unknown>
interface ResponseEvent {
  readonly type: string
  readonly response: ResponseObject
}

function post(edge: TestEdge, fields: Fields = {}, key = edge.key): Promise<Response> {
  const body = JSON.stringify({ model: 'tiny', input: 'Count.', max_output_tokens: 100, ...fields })
  return edge.request('/v1/responses', { method: 'POST', body, key })
}

const requestOf = (job: FakeJob): Fields & { messages: Fields[] } =>
  JSON.parse(new TextDecoder().decode(job.body)) as Fields & { messages: Fields[] }

const chunkWith = (delta: Fields, reason: string | null): Uint8Array =>
  encodeData({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'tiny',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
  })

/** Asks, and lets the provider answer with one text. */
async function ask(
  edge: TestEdge,
  provider: FakeProvider,
  fields: Fields = {},
): Promise<{ response: ResponseObject; messages: Fields[] }> {
  const answer = post(edge, fields)
  const job = await provider.jobs.next()
  answerJson(job)
  const response = (await (await answer).json()) as ResponseObject
  return { response, messages: requestOf(job).messages }
}

describe('POST /v1/responses', () => {
  it('answers in one piece, with what it cost, under the id of its job', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = post(edge, { instructions: 'Be short.', metadata: { a: 'b' } })
    const job = await provider.jobs.next()
    answerJson(job)
    const response = await answer
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    const body = (await response.json()) as ResponseObject
    expect(body).toMatchObject({
      id: response.headers.get('x-infernet-job')?.replace('job_', 'resp_'),
      object: 'response',
      status: 'completed',
      model: 'tiny',
      instructions: 'Be short.',
      metadata: { a: 'b' },
      max_output_tokens: 100,
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'one two three' }] }],
      usage: { input_tokens: 10, output_tokens: 3, total_tokens: 13, cost: edge.record.costMsat },
    })
    expect(requestOf(job)).toMatchObject({
      messages: [{ role: 'system', content: 'Be short.' }, { content: 'Count.' }],
      max_completion_tokens: 100,
    })
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT - edge.record.costMsat)
  })

  it('streams events, with usage, and no [DONE]', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = post(edge, { stream: true })
    answerStream(await provider.jobs.next())
    const response = await answer
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const events = (await readEvents(response)) as ResponseEvent[]
    expect(events.map(({ type }) => type)).not.toContain('[DONE]')
    const last = events.at(-1)
    expect(last).toMatchObject({
      type: 'response.completed',
      response: {
        status: 'completed',
        output: [{ content: [{ text: 'one two three' }] }],
        usage: { input_tokens: 10, output_tokens: 3, cost: edge.record.costMsat },
      },
    })
    expect(edge.store.responses.get(last!.response.id)?.response).toEqual(last!.response)
  })

  it('fails the stream when the provider breaks it', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = post(edge, { stream: true })
    const job = await provider.jobs.next()
    const error = streamErrorEvent(apiErrors.internal(), { id: 'x', created: 1, model: 'tiny' })
    job.begin().data(piece.role()).data(error)
    const events = (await readEvents(await answer)) as ResponseEvent[]
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error' } },
    })
    expect(edge.store.responses.size).toBe(0)
  })

  it('stops the job when the client hangs up', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = post(edge, { stream: true })
    const job = await provider.jobs.next()
    job.begin().data(piece.role()).data(piece.text('one '))
    const reader = (await answer).body!.getReader()
    await reader.read()
    await reader.read()
    await reader.cancel()
    expect(job.cancels).toEqual(['{"reason":"client_disconnected"}'])
    edge.clock.advance(CANCEL_GRACE_MS + SWEEP_INTERVAL_MS)
    expect(edge.record.status).toBe('cancelled')
    expect(edge.store.responses.size).toBe(0)
  })

  it.each([
    ['a body that is no JSON', '{', { status: 400, code: 'invalid_json' }],
    [
      'a built-in tool',
      { tools: [{ type: 'web_search' }] },
      { status: 400, param: 'tools.0.type' },
    ],
    [
      'an unknown previous response',
      { previous_response_id: 'resp_1' },
      { status: 400, param: 'previous_response_id', code: 'previous_response_not_found' },
    ],
    ['an unknown model', { model: 'gpt-9' }, { status: 404, code: 'model_not_found' }],
  ])('refuses %s in OpenAI’s envelope', async (_, fields, expected) => {
    const edge = await startEdge()
    await edge.provider()
    const response =
      typeof fields === 'string'
        ? await edge.request('/v1/responses', { method: 'POST', body: fields })
        : await post(edge, fields)
    expect(await errorOf(response)).toMatchObject(expected)
    expect(edge.records).toEqual([])
  })
})

describe('a stored response', () => {
  it('is continued by its id, over several turns, without its instructions', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const first = await ask(edge, provider, { instructions: 'Be short.' })
    const previous = { previous_response_id: first.response.id }
    const second = await ask(edge, provider, { ...previous, input: 'And on?' })
    const third = await ask(edge, provider, {
      previous_response_id: second.response.id,
      input: [{ role: 'user', content: 'And on?' }],
    })
    const turn = [{ content: 'one two three' }, { role: 'user', content: 'And on?' }]
    expect(second.messages).toMatchObject([{ role: 'user', content: 'Count.' }, ...turn])
    expect(third.messages).toMatchObject([{ content: 'Count.' }, ...turn, ...turn])
    expect(third.response.previous_response_id).toBe(second.response.id)
  })

  it('gives its items to who refers to them', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const first = await ask(edge, provider)
    const [item] = first.response.output
    const input = [
      { type: 'item_reference', id: item!.id },
      { role: 'user', content: 'And on?' },
    ]
    const second = await ask(edge, provider, { input })
    expect(second.messages).toMatchObject([
      { role: 'assistant', content: 'one two three' },
      { role: 'user', content: 'And on?' },
    ])
    const unknown = await post(edge, { input: [{ id: `${item!.id}9` }] })
    expect(await errorOf(unknown)).toMatchObject({ status: 400, code: 'item_not_found' })
  })

  it('takes a call to the model’s own tool and back', async () => {
    const edge = await startEdge()
    const provider = await edge.provider({
      models: [modelOffer('tiny', { capabilities: ['tools'] })],
    })
    const tools = [{ type: 'function', name: 'f', parameters: {}, strict: false }]
    const answer = post(edge, { tools, stream: true })
    const job = await provider.jobs.next()
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }
    job.begin()
    job.data(piece.role()).data(chunkWith({ tool_calls: [{ index: 0, ...call }] }, null))
    job.data(chunkWith({}, 'tool_calls')).data(piece.usage(10, 3)).data(piece.done()).end()
    const events = (await readEvents(await answer)) as ResponseEvent[]
    const { id, output } = events.at(-1)!.response
    expect(output).toMatchObject([{ type: 'function_call', call_id: 'call_1', name: 'f' }])
    const input = [{ type: 'function_call_output', call_id: 'call_1', output: 'Sun.' }]
    const { messages } = await ask(edge, provider, { previous_response_id: id, input, tools })
    expect(messages.slice(1)).toEqual([
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'Sun.' },
    ])
  })

  it('takes a call to a function in a namespace and back', async () => {
    const edge = await startEdge()
    const provider = await edge.provider({
      models: [modelOffer('tiny', { capabilities: ['tools'] })],
    })
    const f = { type: 'function', name: 'f', parameters: {}, strict: false }
    const agents = { type: 'namespace', name: 'agents', description: 'Others.', tools: [f] }
    const tools = [f, agents, { type: 'web_search' }]
    const answer = post(edge, { tools, stream: true })
    const job = await provider.jobs.next()
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'agents__f', arguments: '{}' },
    }
    job.begin()
    job.data(piece.role()).data(chunkWith({ tool_calls: [{ index: 0, ...call }] }, null))
    job.data(chunkWith({}, 'tool_calls')).data(piece.usage(10, 3)).data(piece.done()).end()
    const events = (await readEvents(await answer)) as ResponseEvent[]
    const { response } = events.at(-1)!
    expect(COMPONENTS.Response.parse(response)).toEqual(response)
    expect(response).toMatchObject({ tools: [f, agents] })
    expect(response.output).toMatchObject([{ name: 'f', namespace: 'agents', arguments: '{}' }])
    const output = { type: 'function_call_output', call_id: 'call_1', output: 'Done.' }
    const input = [...response.output, output]
    const { messages } = await ask(edge, provider, { input, tools })
    expect(messages).toEqual([
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'Done.' },
    ])
  })

  it('is the account’s own', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const { response } = await ask(edge, provider)
    const stranger = edge.addKey(newAccountId(edge.clock.now()))
    // Nobody waits for a response that old to arrive.
    edge.clock.advance(2 * JOB_DEADLINE_MS)
    const refused = await post(edge, { previous_response_id: response.id }, stranger)
    expect(await errorOf(refused)).toMatchObject({ code: 'previous_response_not_found' })
    const item = await post(edge, { input: [{ id: response.output[0]!.id }] }, stranger)
    expect(await errorOf(item)).toMatchObject({ code: 'item_not_found' })
  })

  it('is kept for 30 days', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const { response } = await ask(edge, provider)
    const { createdAt, expiresAt } = edge.store.responses.get(response.id)!
    expect(expiresAt - createdAt).toBe(RESPONSE_TTL_MS)
    expect(Math.floor(createdAt / 1000)).toBe(response.created_at)
  })

  it('is not stored when the client says so', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const { response } = await ask(edge, provider, { store: false })
    expect(response.store).toBe(false)
    expect(edge.store.responses.size).toBe(0)
  })

  it('answers all the same when Postgres is down', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    await ask(edge, provider)
    edge.store.down = true
    const { response } = await ask(edge, provider)
    edge.store.down = false
    expect(response.status).toBe('completed')
    const failures = edge.log.filter(({ event }) => event === 'store_failed')
    expect(failures.map(({ fields }) => fields['operation'])).toContain('storeResponse')
  })

  it('cannot make a request longer than a request may be', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const half = 'x'.repeat(MAX_REQUEST_BODY_BYTES * 0.6)
    const { response } = await ask(edge, provider, { input: half })
    const refused = await post(edge, { input: half, previous_response_id: response.id })
    expect(await errorOf(refused)).toMatchObject({ status: 413, code: 'body_too_large' })
  })
})
