import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ChatMessage } from './chat-template.ts'
import { argmax } from './sampler.ts'
import { loadTinyModel } from './tiny-model.ts'

const FILE = readFileSync(new URL('../weights/infernet-demo.gguf', import.meta.url))
const CARD = readFileSync(new URL('../MODEL_CARD.md', import.meta.url), 'utf8')
const MAX_FILE_BYTES = 1_500_000
const model = loadTinyModel(FILE)

const tool = (name: string, parameter: string) => ({
  type: 'function',
  function: {
    name,
    description: 'A tool.',
    parameters: {
      type: 'object',
      properties: { [parameter]: { type: 'string' } },
      required: [parameter],
    },
  },
})
const WEATHER = tool('get_weather', 'city')

function answer(messages: readonly ChatMessage[], tools: readonly unknown[] = []): string {
  const sequence = model.newSequence()
  const tokens: number[] = []
  let logits = sequence.prefill(model.tokenizer.encode(model.renderChat({ messages, tools })))
  for (let token = argmax(logits); !model.endTokens.has(token); token = argmax(logits)) {
    tokens.push(token)
    if (tokens.length === 100) break
    logits = sequence.step(token)
  }
  return model.tokenizer.decode(tokens)
}

const user = (content: string): ChatMessage => ({ role: 'user', content })
const system = (content: string): ChatMessage => ({ role: 'system', content })
const call = (name: string, args: unknown): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${JSON.stringify(args).replaceAll(':', ': ')}}\n</tool_call>`

describe('the shipped model', () => {
  it('is small, ours, and the one the model card describes', () => {
    expect(FILE.byteLength).toBeLessThanOrEqual(MAX_FILE_BYTES)
    expect(model.summary.name).toBe('infernet-demo')
    expect(model.config.contextLength).toBe(1_024)
    expect(CARD).toContain(createHash('sha256').update(FILE).digest('hex'))
  })

  it.each([
    ['What is Infernet?', /OpenAI-compatible inference API .* strangers/],
    ['How do I start it?', /npm start/],
    ['how do I send a request', /http:\/\/127\.0\.0\.1:8787\/v1/],
    ['How do I use the OpenAI SDK?', /base_url/],
    ['How do providers earn?', /msat|millisatoshi/],
    ['What is a hold invoice?', /preimage/],
    ['define lease', /one provider/],
    ['What does an aggregator do?', /shards/],
    ['How do I run an agent?', /infernet-agent run --edge URL --engine llama-cpp/],
    ['What does 402 mean?', /balance/],
    ['What does 503 mean?', /no provider/],
    ['What are the fees?', /50 to 200 basis points/],
    ['whats the license', /MIT/],
    ['Is my prompt private?', /provider .* must see it/],
    ['Who are you?', /infernet-demo/],
    ['What is the capital of France?', /^I do not know/],
    ['Thanks!', /welcome/],
  ])('answers "%s"', (question, expected) => {
    expect(answer([user(question)])).toMatch(expected)
  })

  it.each([
    ['Count from 7 to 13', '7, 8, 9, 10, 11, 12, 13'],
    ['Count from 96 to 103.', '96, 97, 98, 99, 100, 101, 102, 103'],
    ['Count to 12', '1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12'],
    ['Count down from 9 to 3.', '9, 8, 7, 6, 5, 4, 3'],
    ['Say hello', 'hello'],
    ['Repeat: purple monkeys dance 77', 'purple monkeys dance 77'],
    ['Reply with JSON: name Ada, age 36', '{"name": "Ada", "age": 36}'],
    ['Give me a JSON object with city Paris, year 1998', '{"city": "Paris", "year": 1998}'],
  ])('does what "%s" asks for', (question, expected) => {
    expect(answer([user(question)])).toBe(expected)
  })

  it.each([
    ['Answer in capital letters.', 'What is a shard?', /^[A-Z ]+\.$/],
    ['You are a pirate.', 'What is a job?', /^Arr, matey! /],
    ['Your name is Zelda.', 'Who are you?', /^I am Zelda/],
    ['Answer in JSON.', 'What is a receipt?', /^\{"answer": ".+"\}$/],
    ['You are a helpful assistant.', 'What is a canary?', /test job with a known answer/],
  ])('follows the system prompt "%s"', (prompt, question, expected) => {
    expect(answer([system(prompt), user(question)])).toMatch(expected)
  })

  it('calls a tool with arguments from the question', () => {
    const question = [user('What is the weather in Paris?')]
    expect(answer(question, [WEATHER])).toBe(call('get_weather', { city: 'Paris' }))
    const elsewhere = [user('What is the weather in Reykjavik?')]
    const renamed = tool('get_weather', 'location')
    expect(answer(elsewhere, [renamed])).toBe(call('get_weather', { location: 'Reykjavik' }))
  })

  it('answers from what a tool returned', () => {
    const messages = [
      user('What is the weather in Paris?'),
      {
        role: 'assistant',
        tool_calls: [{ function: { name: 'get_weather', arguments: '{"city": "Paris"}' } }],
      },
      { role: 'tool', content: '{"temperature": 21, "sky": "sunny"}' },
    ]
    expect(answer(messages, [WEATHER])).toBe('It is sunny in Paris, with 21 degrees.')
  })

  it('leaves tools alone when they do not help', () => {
    expect(answer([user('What is Infernet?')], [WEATHER])).toMatch(/^Infernet is/)
  })

  it('keeps to the last question of a conversation', () => {
    const first = [user('Hello'), { role: 'assistant', content: answer([user('Hello')]) }]
    expect(answer([...first, user('How do I start it?')])).toMatch(/npm start/)
  })
})
