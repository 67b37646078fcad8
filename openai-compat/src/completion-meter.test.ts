import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chatExamples, schemaProblems } from '../test/openai-schema.ts'
import { chatCompletion, completionChoice } from './chat-chunk.ts'
import { meterAnswer, withUsage } from './completion-meter.ts'
import { JsonWalkError } from './json-walker.ts'
import { billedUsage, makeUsage } from './usage.ts'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const head = { id: 'chatcmpl-1', created: 1, model: 'tiny' }

describe('meterAnswer of a chat', () => {
  it('counts the text of all choices in bytes', () => {
    const call = {
      id: 'c',
      type: 'function',
      function: { name: 'get', arguments: '{"a":1}' },
    } as const
    const choices = [
      completionChoice('café 🐈', 'stop'),
      completionChoice('', 'tool_calls', { index: 1, toolCalls: [call] }),
    ]
    const body = encode(chatCompletion(head, choices, makeUsage(9, 8)))
    expect(meterAnswer('chat.completions', body)).toEqual({
      id: 'chatcmpl-1',
      choices: 2,
      contentBytes: 10 + 3 + 7,
      text: 'café 🐈',
      finishReasons: ['stop', 'tool_calls'],
      usage: makeUsage(9, 8),
    })
  })

  it('counts reasoning and refusals, but nothing hidden beside them', () => {
    const message = {
      role: 'assistant',
      content: null,
      refusal: 'no',
      reasoning: 'abc',
      reasoning_content: 'de',
      padding: 'x'.repeat(1000),
    }
    const body = { choices: [{ message, text: 'hidden', finish_reason: 'stop' }] }
    expect(meterAnswer('chat.completions', encode(body))).toEqual({
      id: undefined,
      choices: 1,
      contentBytes: 7,
      text: '',
      finishReasons: ['stop'],
      usage: undefined,
    })
  })

  it.each(chatExamples.filter(({ response }) => response !== undefined))(
    'reads OpenAI example "$title"',
    ({ response }) => {
      const facts = meterAnswer('chat.completions', encode(response))
      expect(facts?.contentBytes).toBeGreaterThan(0)
      expect(facts?.usage?.completion_tokens).toBeGreaterThan(0)
    },
  )

  it.each([
    ['no JSON', '{"choices":'],
    ['no object', 'null'],
    ['no choices', '{}'],
    ['empty choices', '{"choices":[]}'],
    ['no message', '{"choices":[{"finish_reason":"stop"}]}'],
    ['no finish reason', '{"choices":[{"message":{"content":"x"},"finish_reason":null}]}'],
    ['a choice of another kind', '{"choices":[null]}'],
    ['a byte order mark', '\ufeff{"choices":[{"message":{},"finish_reason":"stop"}]}'],
  ])('refuses %s', (_name, text) => {
    expect(meterAnswer('chat.completions', new TextEncoder().encode(text))).toBeUndefined()
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(meterAnswer('chat.completions', new Uint8Array([0x22, 0xff, 0x22]))).toBeUndefined()
  })
})

describe('meterAnswer of a completion', () => {
  const choice = { index: 0, text: 'Hé', logprobs: null, finish_reason: 'length' }

  it('counts text', () => {
    const answer = { ...head, object: 'text_completion', choices: [choice, choice] }
    expect(meterAnswer('completions', encode({ ...answer, usage: makeUsage(3, 2) }))).toEqual({
      id: 'chatcmpl-1',
      choices: 2,
      contentBytes: 6,
      text: 'Hé',
      finishReasons: ['length', 'length'],
      usage: makeUsage(3, 2),
    })
  })

  it('refuses a choice without text', () => {
    const body = encode({ choices: [{ ...choice, text: undefined, message: { content: 'x' } }] })
    expect(meterAnswer('completions', body)).toBeUndefined()
  })
})

const answer = (...embeddings: unknown[]): unknown => ({
  object: 'list',
  model: 'tiny',
  data: embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding })),
  usage: { prompt_tokens: 7, total_tokens: 7 },
})

describe('meterAnswer of embeddings', () => {
  it('counts vectors, as numbers or base64', () => {
    const body = encode(answer([0.1, -2], 'AACAPw=='))
    expect(meterAnswer('embeddings', body)).toEqual({
      id: undefined,
      choices: 2,
      contentBytes: body.length,
      finishReasons: [],
      usage: makeUsage(7, 0),
    })
  })

  it.each([
    ['no vectors', answer()],
    ['an empty vector', answer([])],
    ['an empty text', answer('')],
    ['a vector of text', answer(['x'])],
    ['no data', { object: 'list' }],
  ])('refuses %s', (_name, value) => {
    expect(meterAnswer('embeddings', encode(value))).toBeUndefined()
  })

  it('does without a claim', () => {
    const { usage: _, ...unclaimed } = answer([1]) as { usage: unknown }
    expect(meterAnswer('embeddings', encode(unclaimed))?.usage).toBeUndefined()
  })
})

describe('withUsage', () => {
  const usage = billedUsage(makeUsage(3, 4), 1500)

  it('replaces or adds one value of any JSON object', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6 })
    const spacing = fc.constantFrom(undefined, 1, '\t')
    fc.assert(
      fc.property(object, fc.option(fc.jsonValue()), spacing, (fields, old, space) => {
        const { usage: _, ...rest } = fields
        const value = old === null ? rest : { ...rest, usage: old }
        const text = JSON.stringify(value, null, space)
        const out = decode(withUsage(new TextEncoder().encode(text), usage))
        expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify({ ...value, usage })))
      }),
    )
  })

  it.each([
    // No other byte changes.
    ['{"a":1e20,"usage": {"x":[1]} ,"b":0.10}', '{"a":1e20,"usage": U ,"b":0.10}'],
    ['{ "usage" : null }', '{ "usage" : U }'],
    ['{"a":{"usage":1}}', '{"a":{"usage":1},"usage":U}'],
    ['{"usage":1,"usage":2}', '{"usage":1,"usage":U}'],
    ['{"text":"\\"usage\\":1}"}\r\n', '{"text":"\\"usage\\":1}","usage":U}\r\n'],
    ['{}', '{"usage":U}'],
    ['{\n}', '{\n"usage":U}'],
  ])('%j', (body, expected) => {
    expect(decode(withUsage(new TextEncoder().encode(body), usage))).toBe(
      expected.replace('U', JSON.stringify(usage)),
    )
  })

  it('shows a cost that a schema allows', () => {
    const body = encode(chatCompletion(head, [completionChoice('Hi', 'stop')], makeUsage(1, 1)))
    const shown: unknown = JSON.parse(decode(withUsage(body, usage)))
    expect(schemaProblems('CreateChatCompletionResponse', shown)).toEqual([])
    expect(shown).toMatchObject({ usage: { total_tokens: 7, cost: 1500, cost_sat: 1.5 } })
  })

  it('refuses what is no object', () => {
    expect(() => withUsage(encode([1]), usage)).toThrow(JsonWalkError)
  })
})
