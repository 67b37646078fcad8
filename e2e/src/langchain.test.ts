import { HumanMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { HOSTS, Stack, type Client } from './stack.ts'

/** LangChain.js, unmodified, with nothing changed but the base URL. */
describe.each(HOSTS)('LangChain on the %s host', (kind) => {
  let stack: Stack
  let client: Client

  beforeAll(async () => {
    stack = await Stack.start(kind, kind === 'node' ? 18_320 : 18_330)
    client = await stack.createClient()
    await stack.startAgent('llama', 'infernet-demo', ['--engine', 'llama-cpp'])
  })
  afterAll(() => stack?.stop())

  const chat = (fields: { useResponsesApi?: boolean; apiKey?: string; model?: string } = {}) =>
    new ChatOpenAI({
      model: 'infernet-demo',
      temperature: 0,
      maxRetries: 0,
      apiKey: client.apiKey,
      configuration: { baseURL: `${stack.url}/v1` },
      ...fields,
    })

  it('invokes a chat model', async () => {
    const answer = await chat().invoke([new HumanMessage('Count from 3 to 7')])
    expect(answer.content).toContain('3, 4, 5, 6, 7')
    expect(answer).toHaveProperty(
      'usage_metadata.output_tokens',
      expect.toSatisfy((tokens: number) => tokens > 5),
    )
  })

  it('streams a chat model', async () => {
    let text = ''
    for await (const chunk of await chat().stream('Count from 3 to 7')) text += chunk.content
    expect(text).toContain('3, 4, 5, 6, 7')
  })

  it('binds a tool and makes the model call it', async () => {
    const weather = tool(() => 'sunny', {
      name: 'get_weather',
      description: 'The weather in a city',
      schema: z.object({ city: z.string() }),
    })
    const model = chat().bindTools([weather], { tool_choice: 'get_weather' })
    const answer = await model.invoke('What is the weather in Paris?')
    expect(answer.tool_calls?.[0]?.name).toBe('get_weather')
  })

  it('gives structured output', async () => {
    const person = z.object({ name: z.string(), age: z.number() })
    const model = chat().withStructuredOutput(person, { method: 'jsonSchema' })
    const answer = await model.invoke('Give me JSON with the name Ada and the age 36.')
    expect(person.parse(answer)).toEqual(answer)
  })

  it('completes a prompt', async () => {
    const model = new OpenAI({
      model: 'infernet-demo',
      temperature: 0,
      maxTokens: 8,
      maxRetries: 0,
      apiKey: client.apiKey,
      configuration: { baseURL: `${stack.url}/v1` },
    })
    expect(await model.invoke('1, 2, 3,')).toContain('4')
    let text = ''
    for await (const piece of await model.stream('1, 2, 3,')) text += piece
    expect(text).toContain('4')
  })

  it("throws the SDK's own errors", async () => {
    const nobody = chat({ apiKey: 'sk-nobody' }).invoke('Hi')
    await expect(nobody).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' })
    const nothing = chat({ model: 'nope' }).invoke('Hi')
    await expect(nothing).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
  })

  it('uses the Responses API', async () => {
    const answer = await chat({ useResponsesApi: true }).invoke('Count from 3 to 7')
    expect(answer.text).toContain('3, 4, 5, 6, 7')
  })

  it('embeds documents and queries', async () => {
    const embeddings = new OpenAIEmbeddings({
      model: 'infernet-demo',
      apiKey: client.apiKey,
      maxRetries: 0,
      configuration: { baseURL: `${stack.url}/v1` },
    })
    const vectors = await embeddings.embedDocuments(['one', 'two', 'three'])
    const query = await embeddings.embedQuery('one')
    expect(vectors).toHaveLength(3)
    expect(query).toHaveLength(vectors[0]?.length ?? 0)
    expect(query[0]).toBeCloseTo(vectors[0]?.[0] ?? Number.NaN, 3)
  })
})
