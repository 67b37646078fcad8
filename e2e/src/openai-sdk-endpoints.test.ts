import { randomUUID } from 'node:crypto'
import OpenAI, { APIError, BadRequestError, ConflictError, NotFoundError } from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { HOSTS, Stack, type Client } from './stack.ts'

const COUNTED = '3, 4, 5, 6, 7'

/** Everything of OpenAI's SDK beyond a plain chat, answered by the real llama.cpp. */
describe.each(HOSTS)('the endpoints of openai-node on the %s host', (kind) => {
  let stack: Stack
  let client: Client
  let openai: OpenAI

  beforeAll(async () => {
    stack = await Stack.start(kind, kind === 'node' ? 18_360 : 18_370)
    client = await stack.createClient()
    openai = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: client.apiKey, maxRetries: 0 })
    await stack.startAgent('llama', 'infernet-demo', ['--engine', 'llama-cpp'])
  })
  afterAll(() => stack?.stop())

  const model = 'infernet-demo'
  const question = {
    model,
    messages: [{ role: 'user' as const, content: 'Count from 3 to 7' }],
    temperature: 0,
  }
  const weather: OpenAI.ChatCompletionFunctionTool = {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'Get the weather in a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  }

  it('calls a tool, takes its result and answers with it', async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [
      { role: 'user', content: 'What is the weather in Paris?' },
    ]
    const asked = { model, temperature: 0, tools: [weather] }
    const first = await openai.chat.completions.create({ ...asked, messages })
    const [call] = first.choices[0]?.message.tool_calls ?? []
    expect(first.choices[0]?.finish_reason).toBe('tool_calls')
    if (call?.type !== 'function') throw new Error('no function was called')
    expect(call.function.name).toBe('get_weather')
    expect(JSON.parse(call.function.arguments)).toEqual({ city: 'Paris' })
    messages.push(first.choices[0]!.message)
    messages.push({ role: 'tool', tool_call_id: call.id, content: '{"weather": "sunny"}' })
    const second = await openai.chat.completions.create({ ...asked, messages })
    expect(second.choices[0]?.message.content).toContain('sunny')
  })

  it('streams a tool call that it is made to make', async () => {
    const stream = openai.chat.completions.stream({
      model,
      temperature: 0,
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
    })
    const { choices } = await stream.finalChatCompletion()
    const [call] = choices[0]?.message.tool_calls ?? []
    expect(call?.type === 'function' && call.function.name).toBe('get_weather')
  })

  it('parses an answer of the wished shape', async () => {
    const person = z.object({ name: z.string(), age: z.number() })
    const { choices } = await openai.chat.completions.parse({
      model,
      temperature: 0,
      messages: [{ role: 'user', content: 'Reply with JSON: name Ada, age 36.' }],
      response_format: zodResponseFormat(person, 'person'),
    })
    expect(person.safeParse(choices[0]?.message.parsed).success).toBe(true)
  })

  it('stops at a sequence, at a limit, and the same way for the same seed', async () => {
    const stopped = await openai.chat.completions.create({ ...question, stop: '5' })
    expect(stopped.choices[0]?.message.content).not.toContain('5')
    const short = await openai.chat.completions.create({ ...question, max_completion_tokens: 2 })
    expect(short.choices[0]?.finish_reason).toBe('length')
    expect(short.usage?.completion_tokens).toBe(2)
    const wild = { ...question, temperature: 2, seed: 7, max_completion_tokens: 8 }
    const [one, two] = await Promise.all([1, 2].map(() => openai.chat.completions.create(wild)))
    expect(one?.choices[0]?.message.content).toBe(two?.choices[0]?.message.content)
  })

  it('says so when the only provider cannot do what is asked', async () => {
    for (const fields of [{ n: 2 }, { logprobs: true, top_logprobs: 2 }]) {
      await expect(openai.chat.completions.create({ ...question, ...fields })).rejects.toSatisfy(
        (error) => error instanceof BadRequestError && error.code === 'unsupported_by_model',
      )
    }
  })

  it('completes a prompt, whole and streamed', async () => {
    const asked = { model, prompt: 'A msat is', temperature: 0, max_tokens: 12 }
    const whole = await openai.completions.create(asked)
    expect(whole.object).toBe('text_completion')
    expect(whole.choices[0]?.text).not.toBe('')
    const stream = await openai.completions.create({
      ...asked,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    let usage: OpenAI.CompletionUsage | null | undefined
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? ''
      usage = chunk.usage ?? usage
    }
    expect(text).toBe(whole.choices[0]?.text)
    expect(usage).toEqual(whole.usage)
  })

  it('embeds texts, as floats and as base64', async () => {
    const input = ['one', 'two', 'one']
    // The SDK asks for base64 and decodes it, unless told otherwise.
    const { data, usage } = await openai.embeddings.create({ model, input })
    const floats = await openai.embeddings.create({ model, input, encoding_format: 'float' })
    expect(data.map(({ index }) => index)).toEqual([0, 1, 2])
    const [one, two, again] = data.map(({ embedding }) => embedding)
    expect(again).toEqual(one)
    expect(two).not.toEqual(one)
    expect(floats.data[0]?.embedding).toHaveLength(one!.length)
    expect(floats.data[0]?.embedding[0]).toBeCloseTo(one![0]!, 5)
    expect(usage.prompt_tokens).toBeGreaterThan(2)
  })

  it('creates, keeps, continues and deletes responses', async () => {
    const asked = { model, input: 'Count from 3 to 7', temperature: 0 }
    const first = await openai.responses.create(asked)
    expect(first.output_text).toContain(COUNTED)
    expect((await openai.responses.retrieve(first.id)).output_text).toBe(first.output_text)
    const items = await openai.responses.inputItems.list(first.id)
    expect(JSON.stringify(items.data)).toContain('Count from 3 to 7')
    const next = await openai.responses.create({
      ...asked,
      input: 'Count from 2 to 4',
      previous_response_id: first.id,
    })
    expect(next.previous_response_id).toBe(first.id)
    expect(next.usage!.input_tokens).toBeGreaterThan(first.usage!.input_tokens)
    await openai.responses.delete(first.id)
    await expect(openai.responses.retrieve(first.id)).rejects.toBeInstanceOf(NotFoundError)
  })

  it('streams a response', async () => {
    const stream = openai.responses.stream({ model, input: 'Count from 3 to 7', temperature: 0 })
    let text = ''
    stream.on('response.output_text.delta', ({ delta }) => (text += delta))
    const response = await stream.finalResponse()
    expect(text).toContain(COUNTED)
    expect(response.output_text).toBe(text)
    expect(response.status).toBe('completed')
  })

  it('answers a repeated request from memory, and charges it once', async () => {
    const payer = await stack.createClient('1000000')
    const sdk = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: payer.apiKey, maxRetries: 0 })
    const headers = { 'Idempotency-Key': randomUUID() }
    const wild = { ...question, temperature: 1 }
    const first = await sdk.chat.completions.create(wild, { headers }).withResponse()
    const { available } = await stack.settledBalance(payer.accountId)
    const again = await sdk.chat.completions.create(wild, { headers }).withResponse()
    expect(again.data).toEqual(first.data)
    expect(again.response.headers.get('idempotency-replayed')).toBe('true')
    expect((await stack.settledBalance(payer.accountId)).available).toBe(available)
    await expect(
      sdk.chat.completions.create({ ...wild, temperature: 0.5 }, { headers }),
    ).rejects.toSatisfy(
      (error) => error instanceof ConflictError && error.code === 'idempotency_key_reused',
    )
  })

  it('describes what a model can do, and refuses what it cannot', async () => {
    const listed: unknown = await openai.models.retrieve(model)
    expect(listed).toMatchObject({ id: model, context_length: expect.any(Number) })
    await expect(openai.models.retrieve('nobody-has-it')).rejects.toBeInstanceOf(NotFoundError)
    await expect(
      openai.embeddings.create({ model, input: 'one', dimensions: 8 }),
    ).rejects.toSatisfy(
      (error) => error instanceof APIError && error.status === 400 && error.param === 'dimensions',
    )
  })
})
