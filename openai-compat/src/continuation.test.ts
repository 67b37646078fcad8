import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseChatRequest } from './chat-request.ts'
import { canContinue, continuedBody } from './continuation.ts'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const decode = (bytes: Uint8Array | undefined): unknown =>
  bytes && JSON.parse(new TextDecoder().decode(bytes))

const user = { role: 'user', content: 'Hi' }
const chat = { model: 'tiny', messages: [user], stream: true }
const completion = { model: 'tiny', prompt: 'Once', stream: true }
const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
const ending = (message: object): object => ({ messages: [user, message] })

describe('canContinue', () => {
  it.each<[string, object]>([
    ['plain', {}],
    ['n of one', { n: 1 }],
    ['nulls', { n: null, response_format: null, tool_choice: null, function_call: null }],
    ['a text format', { response_format: { type: 'text' } }],
    ['tools, freely chosen', { tools: [{}], tool_choice: 'auto', function_call: 'none' }],
    ['logprobs', { logprobs: true, top_logprobs: 5 }],
    ['sampling', { seed: 1, temperature: 0.5, stop: ['x'], min_tokens: 0 }],
    ['text modality', { modalities: ['text'] }],
    ['a begun answer', ending({ role: 'assistant', content: 'So', tool_calls: [], refusal: null })],
    ['a tool result', ending({ role: 'tool', content: '1', tool_call_id: 'c' })],
  ])('chat: %s', (_name, fields) => {
    expect(canContinue('chat.completions', { ...chat, ...fields })).toBe(true)
  })

  it.each<[string, object]>([
    ['two choices', { n: 2 }],
    ['json_schema', { response_format: { type: 'json_schema', json_schema: { name: 'x' } } }],
    ['json_object', { response_format: { type: 'json_object' } }],
    ['a required call', { tools: [{}], tool_choice: 'required' }],
    ['a named call', { tools: [{}], tool_choice: { type: 'function', function: { name: 'f' } } }],
    ['a named legacy call', { function_call: { name: 'f' } }],
    ['a least length', { min_tokens: 10 }],
    ['sound', { modalities: ['text', 'audio'] }],
    ['an assistant message of parts', ending({ role: 'assistant', content: [{ type: 'text' }] })],
    ['an assistant message without text', ending({ role: 'assistant', content: null })],
    ['an assistant call', ending({ role: 'assistant', content: 'x', tool_calls: [call] })],
    ['an assistant refusal', ending({ role: 'assistant', content: 'x', refusal: 'no' })],
  ])('not chat: %s', (_name, fields) => {
    expect(canContinue('chat.completions', { ...chat, ...fields })).toBe(false)
    expect(continuedBody('chat.completions', encode({ ...chat, ...fields }), 'x')).toBeUndefined()
  })

  it.each<[string, object, boolean]>([
    ['plain', {}, true],
    ['one prompt in a list', { prompt: ['Once'] }, true],
    ['an empty suffix', { suffix: '', echo: false }, true],
    ['best of one', { best_of: 1, n: 1 }, true],
    ['several prompts', { prompt: ['a', 'b'] }, false],
    ['token ids', { prompt: [1, 2] }, false],
    ['one token id', { prompt: [1] }, false],
    ['lists of token ids', { prompt: [[1, 2]] }, false],
    ['echo', { echo: true }, false],
    ['a suffix', { suffix: 'end' }, false],
    ['several candidates', { best_of: 2 }, false],
    ['two choices', { n: 2 }, false],
    ['offsets', { logprobs: 0 }, false],
    ['a grammar', { response_format: { type: 'json_object' } }, false],
  ])('completions: %s', (_name, fields, expected) => {
    expect(canContinue('completions', { ...completion, ...fields })).toBe(expected)
    const body = continuedBody('completions', encode({ ...completion, ...fields }), 'x')
    expect(body !== undefined).toBe(expected)
  })

  it('never an embedding', () => {
    expect(canContinue('embeddings', { model: 'tiny', input: 'x' })).toBe(false)
  })
})

/** A key `__proto__`, which no client sends in earnest, is left out when a body is read. */
const plainJson = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'))

describe('continuedBody', () => {
  const anyText = fc.string({ unit: 'grapheme' })

  it('chat: gives the text as the last message, and changes nothing else', () => {
    fc.assert(
      fc.property(anyText, plainJson, (text, extra) => {
        const body = { ...chat, max_tokens: 9, stream_options: { include_usage: true }, x: extra }
        expect(decode(continuedBody('chat.completions', encode(body), text))).toEqual(
          decode(encode({ ...body, messages: [user, { role: 'assistant', content: text }] })),
        )
      }),
    )
  })

  it('chat: gives what a provider accepts', () => {
    const body = continuedBody('chat.completions', encode(chat), 'So ')
    expect(parseChatRequest(body ?? new Uint8Array()).body.messages).toHaveLength(2)
  })

  it('chat: lengthens what the client began', () => {
    const begun = { ...chat, ...ending({ role: 'assistant', name: 'a', content: 'So' }) }
    expect(decode(continuedBody('chat.completions', encode(begun), ' what'))).toEqual({
      ...begun,
      messages: [user, { role: 'assistant', name: 'a', content: 'So what' }],
    })
  })

  it('completions: lengthens the prompt', () => {
    fc.assert(
      fc.property(anyText, anyText, fc.boolean(), (prompt, text, listed) => {
        const body = encode({ ...completion, prompt: listed ? [prompt] : prompt, max_tokens: 9 })
        expect(decode(continuedBody('completions', body, text))).toEqual({
          ...completion,
          prompt: prompt + text,
          max_tokens: 9,
        })
      }),
    )
  })

  it('gives up a body that JSON makes too long for a job', () => {
    const numbers = Array.from({ length: 1_000_000 }, () => '1e20').join()
    const body = `{"model":"tiny","messages":[{"role":"user","content":"Hi"}],"x":[${numbers}]}`
    const bytes = new TextEncoder().encode(body)
    expect(continuedBody('chat.completions', bytes, 'x')).toBeUndefined()
  })
})
