import { describe, expect, it } from 'vitest'
import { chatExamples } from '../test/openai-schema.ts'
import { chatCompletion, completionChoice } from './chat-chunk.ts'
import { meterCompletion } from './completion-meter.ts'
import { makeUsage } from './usage.ts'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const head = { id: 'chatcmpl-1', created: 1, model: 'tiny' }

describe('meterCompletion', () => {
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
    expect(meterCompletion(encode(chatCompletion(head, choices, makeUsage(9, 8))))).toEqual({
      contentBytes: 10 + 3 + 7,
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
    const body = { choices: [{ message, finish_reason: 'stop' }] }
    expect(meterCompletion(encode(body))).toEqual({
      contentBytes: 7,
      finishReasons: ['stop'],
      usage: undefined,
    })
  })

  it.each(chatExamples.filter(({ response }) => response !== undefined))(
    'reads OpenAI example "$title"',
    ({ response }) => {
      const facts = meterCompletion(encode(response))
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
  ])('refuses %s', (_name, text) => {
    expect(meterCompletion(new TextEncoder().encode(text))).toBeUndefined()
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(meterCompletion(new Uint8Array([0x22, 0xff, 0x22]))).toBeUndefined()
  })
})
