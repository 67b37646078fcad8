import OpenAI, { APIError, APIUserAbortError, AuthenticationError, NotFoundError } from 'openai'
import { verifyReceipt, type SignedReceipt } from '@infernet/schemas/receipt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SlowEngine } from './slow-engine.ts'
import { bearer, HOSTS, Stack, until, type Client } from './stack.ts'

/** OpenAI's own SDK, unmodified, against every host, answered by the real llama.cpp. */
describe.each(HOSTS)('openai-node on the %s host', (kind) => {
  let stack: Stack
  let engine: SlowEngine
  let client: Client
  let openai: OpenAI

  beforeAll(async () => {
    // `workerd serve` does not tell a Worker that its client left before the first byte, so there
    // the job ends with its timeout; on Node it must end long before this one.
    const timeouts = kind === 'workerd' ? { wholeAnswerMs: 3_000 } : {}
    stack = await Stack.start(kind, kind === 'node' ? 18_100 : 18_110, timeouts)
    engine = await SlowEngine.start()
    client = await stack.createClient()
    openai = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: client.apiKey, maxRetries: 0 })
    await stack.startAgent('llama', 'infernet-demo', ['--engine', 'llama-cpp'])
    await stack.startAgent('slow', 'slow', ['--engine', 'openai-http', '--engine-url', engine.url])
  })
  afterAll(async () => {
    await stack?.stop()
    await engine?.stop()
  })

  const question = {
    model: 'infernet-demo',
    messages: [{ role: 'user' as const, content: 'Count from 3 to 7' }],
    temperature: 0,
  }

  it('answers in one piece', async () => {
    const answer = await openai.chat.completions.create(question)
    expect(answer.choices[0]?.message.content).toContain('3, 4, 5, 6, 7')
    expect(answer.choices[0]?.finish_reason).toBe('stop')
    expect(answer.usage?.completion_tokens).toBeGreaterThan(5)
  })

  it('streams the same tokens, with usage when asked', async () => {
    const stream = await openai.chat.completions.create({
      ...question,
      stream: true,
      stream_options: { include_usage: true },
    })
    const ids = new Set<string>()
    let text = ''
    let finishes = 0
    let usage: OpenAI.CompletionUsage | null | undefined
    for await (const chunk of stream) {
      ids.add(chunk.id)
      text += chunk.choices[0]?.delta.content ?? ''
      if (chunk.choices[0]?.finish_reason === 'stop') finishes++
      usage = chunk.usage ?? usage
    }
    expect(text).toContain('3, 4, 5, 6, 7')
    expect(ids.size).toBe(1)
    expect(finishes).toBe(1)
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0))
  })

  it('charges exactly what the receipt says, and the receipt verifies offline', async () => {
    const payer = await stack.createClient('1000000')
    const { response } = await new OpenAI({
      baseURL: `${stack.url}/v1`,
      apiKey: payer.apiKey,
    }).chat.completions
      .create(question)
      .withResponse()
    const job = response.headers.get('x-infernet-job')
    const balance = await stack.settledBalance(payer.accountId)
    const answer = await fetch(`${stack.url}/v1/receipts/${job}`, { headers: bearer(payer.apiKey) })
    const receipt = (await answer.json()) as {
      cost_msat: string
      signed: SignedReceipt | null
      usage: object
    }
    expect(1_000_000 - balance.available).toBe(Number(receipt.cost_msat))
    expect(Number(receipt.cost_msat)).toBeGreaterThan(0)
    expect(receipt.signed).not.toBeNull()
    const verdict = await verifyReceipt(receipt.signed!)
    expect(verdict.ok && verdict.statement.job).toBe(job)
  })

  it('lists and finds models', async () => {
    const page = await openai.models.list()
    expect(page.data.map((model) => model.id).toSorted()).toEqual(['infernet-demo', 'slow'])
    expect((await openai.models.retrieve('infernet-demo')).object).toBe('model')
  })

  it('stops the engine and the bill when the client aborts', async () => {
    engine.pace = { tokens: 500, gapMs: 10 }
    const before = engine.abandoned
    const payer = await stack.createClient('100000000')
    const sdk = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: payer.apiKey })
    const stream = await sdk.chat.completions.create({
      model: 'slow',
      messages: question.messages,
      stream: true,
    })
    let seen = 0
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) seen++
      if (seen === 5) break
    }
    await until('the engine notices', () => engine.abandoned > before)
    const balance = await stack.settledBalance(payer.accountId)
    const spent = 100_000_000 - balance.available
    expect(spent).toBeGreaterThan(0)
    // 400,000 msat per million tokens: 500 tokens would cost 200 msat, what was read about 5.
    expect(spent).toBeLessThan(40)
    expect(balance.reserved).toBe(0)
  })

  it('gives up a request that is aborted before its first byte', async () => {
    engine.pace = { tokens: 5, gapMs: 10, hang: true }
    const before = engine.abandoned
    const payer = await stack.createClient('100000000')
    const sdk = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: payer.apiKey })
    const abort = new AbortController()
    const asked = sdk.chat.completions.create(
      { model: 'slow', messages: question.messages },
      { signal: abort.signal },
    )
    await until('the engine is asked', () => engine.requests > 0)
    setTimeout(() => abort.abort(), 200)
    await expect(asked).rejects.toBeInstanceOf(APIUserAbortError)
    await until('the engine notices', () => engine.abandoned > before)
    const balance = await stack.settledBalance(payer.accountId)
    expect(balance.available).toBe(100_000_000)
  })

  it("throws the SDK's own errors", async () => {
    const stranger = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: 'sk-nobody', maxRetries: 0 })
    await expect(stranger.chat.completions.create(question)).rejects.toBeInstanceOf(
      AuthenticationError,
    )
    await expect(openai.chat.completions.create({ ...question, model: 'gpt-9' })).rejects.toSatisfy(
      (error) =>
        error instanceof NotFoundError &&
        error.message.includes('infernet-demo') &&
        error.requestID?.startsWith('req_') === true,
    )
    const wrong = { ...question, temperature: 9 }
    await expect(openai.chat.completions.create(wrong)).rejects.toSatisfy(
      (error) => error instanceof APIError && error.status === 400 && error.param === 'temperature',
    )
    const poor = await stack.createClient('1')
    const sdk = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: poor.apiKey })
    await expect(sdk.chat.completions.create(question)).rejects.toSatisfy(
      (error) =>
        error instanceof APIError && error.status === 402 && error.code === 'insufficient_credit',
    )
    expect((await stack.settledBalance(poor.accountId)).available).toBe(1)
  })
})
