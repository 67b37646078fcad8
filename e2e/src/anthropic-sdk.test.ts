import Anthropic, {
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  PaymentRequiredError,
} from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HOSTS, Stack, type Client } from './stack.ts'

/** Anthropic's own SDK against our conversion of its Messages API. */
describe.each(HOSTS)('the Anthropic SDK on the %s host', (kind) => {
  let stack: Stack
  let client: Client
  let anthropic: Anthropic

  beforeAll(async () => {
    stack = await Stack.start(kind, kind === 'node' ? 18_340 : 18_350)
    client = await stack.createClient()
    anthropic = new Anthropic({ baseURL: stack.url, apiKey: client.apiKey, maxRetries: 0 })
    await stack.startAgent('llama', 'infernet-demo', ['--engine', 'llama-cpp'])
  })
  afterAll(() => stack?.stop())

  const question = {
    model: 'infernet-demo',
    max_tokens: 64,
    temperature: 0,
    messages: [{ role: 'user' as const, content: 'Count from 3 to 7' }],
  }

  it('creates a message', async () => {
    const message = await anthropic.messages.create(question)
    expect(message.content).toEqual([
      { type: 'text', text: expect.stringContaining('3, 4, 5, 6, 7'), citations: null },
    ])
    expect(message.stop_reason).toBe('end_turn')
    expect(message.usage.output_tokens).toBeGreaterThan(5)
  })

  it('streams a message', async () => {
    const message = await anthropic.messages.stream(question).finalMessage()
    expect(message.content[0]).toMatchObject({ type: 'text' })
    expect(JSON.stringify(message.content)).toContain('3, 4, 5, 6, 7')
    expect(message.usage.output_tokens).toBeGreaterThan(5)
  })

  it('stops at the token limit, and says so', async () => {
    const message = await anthropic.messages.create({ ...question, max_tokens: 2 })
    expect(message.stop_reason).toBe('max_tokens')
  })

  const weather: Anthropic.Tool = {
    name: 'get_weather',
    description: 'Get the weather in a city',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  }
  const ask = 'What is the weather in Paris?'

  it('calls a tool, takes its result and answers with it', async () => {
    const asked = { ...question, tools: [weather] }
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: ask }]
    const first = await anthropic.messages.create({ ...asked, messages })
    expect(first.stop_reason).toBe('tool_use')
    const call = first.content.find((block) => block.type === 'tool_use')
    if (call === undefined) throw new Error('no tool was called')
    expect(call).toMatchObject({ name: 'get_weather', input: { city: 'Paris' } })
    const result = {
      type: 'tool_result',
      tool_use_id: call.id,
      content: '{"weather": "sunny"}',
    } as const
    messages.push(
      { role: 'assistant', content: first.content },
      { role: 'user', content: [result] },
    )
    const second = await anthropic.messages.create({ ...asked, messages })
    expect(JSON.stringify(second.content)).toContain('sunny')
  })

  it('streams a tool call whose input the SDK can put together', async () => {
    const asked = { ...question, messages: [{ role: 'user' as const, content: ask }] }
    const stream = anthropic.messages.stream({
      ...asked,
      tools: [weather],
      tool_choice: { type: 'any' },
    })
    expect((await stream.finalMessage()).content).toContainEqual(
      expect.objectContaining({ type: 'tool_use', name: 'get_weather', input: { city: 'Paris' } }),
    )
  })

  it('heeds the system prompt', async () => {
    const plain = await anthropic.messages.create(question)
    const told = await anthropic.messages.create({
      ...question,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    })
    expect(told.usage.input_tokens).toBeGreaterThan(plain.usage.input_tokens)
  })

  it('says what it cannot do', async () => {
    const search = { type: 'web_search_20250305' as const, name: 'web_search' as const }
    await expect(anthropic.messages.create({ ...question, tools: [search] })).rejects.toSatisfy(
      (error) => error instanceof BadRequestError && error.type === 'invalid_request_error',
    )
  })

  it('charges what the message says it cost', async () => {
    const payer = await stack.createClient('1000000')
    const sdk = new Anthropic({ baseURL: stack.url, apiKey: payer.apiKey, maxRetries: 0 })
    const message = await sdk.messages.create(question)
    const { available } = await stack.settledBalance(payer.accountId)
    expect(message.usage).toMatchObject({ cost: 1_000_000 - available })
    expect(message._request_id).toMatch(/^req_/)
    const poor = await stack.createClient('1')
    const broke = new Anthropic({ baseURL: stack.url, apiKey: poor.apiKey, maxRetries: 0 })
    await expect(broke.messages.create(question)).rejects.toSatisfy(
      (error) =>
        error instanceof PaymentRequiredError &&
        error.type === 'billing_error' &&
        error.errorCode === 'insufficient_credit',
    )
  })

  it("throws the SDK's own errors", async () => {
    const stranger = new Anthropic({ baseURL: stack.url, apiKey: 'sk-nobody', maxRetries: 0 })
    await expect(stranger.messages.create(question)).rejects.toBeInstanceOf(AuthenticationError)
    await expect(
      anthropic.messages.create({ ...question, model: 'nobody-has-it' }),
    ).rejects.toBeInstanceOf(NotFoundError)
  })
})
