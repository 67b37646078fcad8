import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { createOpenAI } from '@ai-sdk/openai'
import { APICallError, embedMany, generateText, Output, streamText, tool } from 'ai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { HOSTS, Stack, type Client } from './stack.ts'

/** Vercel's AI SDK, unmodified, with nothing changed but the base URL. */
describe.each(HOSTS)('the AI SDK on the %s host', (kind) => {
  let stack: Stack
  let client: Client

  beforeAll(async () => {
    stack = await Stack.start(kind, kind === 'node' ? 18_300 : 18_310)
    client = await stack.createClient()
    await stack.startAgent('llama', 'infernet-demo', ['--engine', 'llama-cpp'])
  })
  afterAll(() => stack?.stop())

  const infernet = () =>
    createOpenAICompatible({
      name: 'infernet',
      baseURL: `${stack.url}/v1`,
      apiKey: client.apiKey,
      includeUsage: true,
    })
  const count = { prompt: 'Count from 3 to 7', temperature: 0, maxRetries: 0 }

  it('generates text with its usage', async () => {
    const { text, usage, finishReason } = await generateText({
      model: infernet()('infernet-demo'),
      ...count,
    })
    expect(text).toContain('3, 4, 5, 6, 7')
    expect(finishReason).toBe('stop')
    expect(usage.outputTokens).toBeGreaterThan(5)
  })

  it('streams text with its usage', async () => {
    const result = streamText({ model: infernet()('infernet-demo'), ...count })
    let text = ''
    for await (const part of result.textStream) text += part
    expect(text).toContain('3, 4, 5, 6, 7')
    expect((await result.usage).outputTokens).toBeGreaterThan(5)
  })

  it('calls a tool that it is made to call', async () => {
    const { toolCalls } = await generateText({
      model: infernet()('infernet-demo'),
      prompt: 'What is the weather in Paris?',
      temperature: 0,
      toolChoice: 'required',
      tools: {
        get_weather: tool({
          description: 'The weather in a city',
          inputSchema: z.object({ city: z.string() }),
        }),
      },
    })
    expect(toolCalls[0]?.toolName).toBe('get_weather')
  })

  it('generates an object of the wished shape', async () => {
    const model = createOpenAICompatible({
      name: 'infernet',
      baseURL: `${stack.url}/v1`,
      apiKey: client.apiKey,
      supportsStructuredOutputs: true,
    })('infernet-demo')
    const { output } = await generateText({
      model,
      prompt: 'Reply with JSON: name Ada, age 36.',
      temperature: 0,
      output: Output.object({ schema: z.object({ name: z.string(), age: z.number() }) }),
    })
    expect(typeof output.name).toBe('string')
    expect(typeof output.age).toBe('number')
  })

  it('completes a prompt', async () => {
    const { text } = await generateText({
      model: infernet().completionModel('infernet-demo'),
      prompt: 'A msat is',
      temperature: 0,
      maxOutputTokens: 16,
    })
    expect(text.length).toBeGreaterThan(0)
  })

  it('embeds texts', async () => {
    const { embeddings, usage } = await embedMany({
      model: infernet().embeddingModel('infernet-demo'),
      values: ['one', 'two'],
    })
    expect(embeddings).toHaveLength(2)
    expect(embeddings[0]?.length).toBe(embeddings[1]?.length)
    expect(usage.tokens).toBeGreaterThan(1)
  })

  it('speaks the Responses API, whole and streamed', async () => {
    const openai = createOpenAI({ baseURL: `${stack.url}/v1`, apiKey: client.apiKey })
    const { text } = await generateText({ model: openai.responses('infernet-demo'), ...count })
    expect(text).toContain('3, 4, 5, 6, 7')
    const result = streamText({ model: openai.responses('infernet-demo'), ...count })
    let streamed = ''
    for await (const part of result.textStream) streamed += part
    expect(streamed).toBe(text)
  })

  it("throws the SDK's own error with our code", async () => {
    const asked = generateText({ model: infernet()('nobody-has-it'), ...count })
    await expect(asked).rejects.toSatisfy(
      (error) =>
        APICallError.isInstance(error) &&
        error.statusCode === 404 &&
        error.responseBody?.includes('model_not_found') === true,
    )
  })
})
