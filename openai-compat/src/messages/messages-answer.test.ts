import type { Message as AnthropicMessage } from '@anthropic-ai/sdk/resources/messages'
import { describe, expect, it } from 'vitest'
import { ApiError } from '../api-error.ts'
import { chatCompletion, completionChoice } from '../chat-chunk.ts'
import type { FinishReason, ToolCall } from '../chat-types.ts'
import { billedUsage, makeUsage } from '../usage.ts'
import { type MessageHead, messagesAnswer } from './messages-answer.ts'

const HEAD: MessageHead = { id: 'msg_1', model: 'tiny', stopSequences: ['END', 'STOP'] }
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

function completion(
  text: string,
  finish: FinishReason,
  options: { toolCalls?: ToolCall[]; message?: object; choice?: object; usage?: object } = {},
) {
  const { toolCalls = [], message, choice: more, usage } = options
  const choice = completionChoice(text, finish, { toolCalls })
  const said = { ...choice, ...more, message: { ...choice.message, ...message } }
  const head = { id: 'chatcmpl-1', created: 1, model: 'engine-name' }
  return encode({ ...chatCompletion(head, [said], makeUsage(10, 3)), ...usage })
}

/** The SDK's own type is what a message must be. */
const answer = (bytes: Uint8Array): AnthropicMessage => messagesAnswer(bytes, HEAD)

const call = (name: string, args: string): ToolCall => ({
  id: `call_${name}`,
  type: 'function',
  function: { name, arguments: args },
})

describe('a chat completion as a message', () => {
  it('has its text, its end and its usage', () => {
    expect(answer(completion('Hello', 'stop'))).toEqual({
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'tiny',
      content: [{ type: 'text', text: 'Hello', citations: null }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        input_tokens: 10,
        output_tokens: 3,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        cache_creation: null,
        output_tokens_details: null,
        server_tool_use: null,
        inference_geo: null,
        service_tier: null,
        speed: null,
      },
    })
  })

  it('counts cached input apart, and says what it cost', () => {
    const details = {
      prompt_tokens_details: { cached_tokens: 8 },
      completion_tokens_details: { reasoning_tokens: 2 },
    }
    const usage = { ...billedUsage(makeUsage(10, 3), 1500), ...details }
    expect(answer(completion('Hello', 'stop', { usage: { usage } })).usage).toMatchObject({
      input_tokens: 2,
      cache_read_input_tokens: 8,
      output_tokens: 3,
      output_tokens_details: { thinking_tokens: 2 },
      cost: 1500,
      cost_sat: 1.5,
    })
  })

  it('thinks first, speaks then, calls last', () => {
    const { content, stop_reason } = answer(
      completion('Let me look.', 'tool_calls', {
        message: { reasoning_content: 'Hm.' },
        toolCalls: [call('weather', '{"city":"Paris"}'), call('now', '')],
      }),
    )
    expect(content).toEqual([
      { type: 'thinking', thinking: 'Hm.', signature: '' },
      { type: 'text', text: 'Let me look.', citations: null },
      {
        type: 'tool_use',
        id: 'call_weather',
        name: 'weather',
        input: { city: 'Paris' },
        caller: { type: 'direct' },
      },
      { type: 'tool_use', id: 'call_now', name: 'now', input: {}, caller: { type: 'direct' } },
    ])
    expect(stop_reason).toBe('tool_use')
  })

  it('hands arguments that were cut over as they are', () => {
    const cut = answer(completion('', 'length', { toolCalls: [call('weather', '{"city":"Pa')] }))
    expect(cut.content).toMatchObject([{ input: { INVALID_JSON: '{"city":"Pa' } }])
    expect(cut.stop_reason).toBe('max_tokens')
  })

  it.each([
    ['stop', {}, 'end_turn'],
    ['length', {}, 'max_tokens'],
    ['content_filter', {}, 'refusal'],
    ['stop', { message: { content: null, refusal: 'No.' } }, 'refusal'],
    // Some engines finish a call with `stop`.
    ['stop', { toolCalls: [call('now', '{}')] }, 'tool_use'],
    // A stop token of the engine's, not a sequence of the client's.
    ['stop', { choice: { stop_reason: 151_645 } }, 'end_turn'],
  ] as const)('ends with %s %j as %s', (finish, options, reason) => {
    const toolCalls = 'toolCalls' in options ? [...options.toolCalls] : []
    const { stop_reason, stop_sequence } = answer(
      completion('Hello', finish, { ...options, toolCalls }),
    )
    expect({ stop_reason, stop_sequence }).toEqual({ stop_reason: reason, stop_sequence: null })
  })

  it('names the stop sequence where the engine says which it met', () => {
    const stopped = answer(completion('Hello', 'stop', { choice: { stop_reason: 'STOP' } }))
    expect(stopped).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'STOP' })
  })

  it.each([
    ['no JSON', '{'],
    ['no choices', '{"choices":[]}'],
    ['another thing', '[]'],
  ])('is an error of the provider when it is %s', (_, text) => {
    expect(() => answer(new TextEncoder().encode(text))).toThrow(ApiError)
  })
})
