import { describe, expect, it } from 'vitest'
import { schemaProblems } from '../../test/openai-schema.ts'
import { apiErrors } from '../api-errors.ts'
import { chatCompletion } from '../chat-chunk.ts'
import { responseOfChat } from './responses-answer.ts'
import { HEAD, NOW, USAGE, head, chat, translated, CALLS } from '../../test/response-streams.ts'

const answerOf = (message: object, finish_reason: string) =>
  new TextEncoder().encode(
    JSON.stringify({
      ...chatCompletion(HEAD, [], USAGE),
      choices: [{ index: 0, message, finish_reason }],
    }),
  )

describe('a whole chat answer as a response', () => {
  it('says the same as the stream', () => {
    const calls = [
      { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
      { id: 'a', type: 'function', function: { name: 'g', arguments: '{}' } },
    ]
    const message = {
      role: 'assistant',
      reasoning_content: 'Hm.',
      content: 'Yes.',
      tool_calls: calls,
    }
    const response = responseOfChat(answerOf(message, 'tool_calls'), head, NOW)
    expect(schemaProblems('Response', response)).toEqual([])
    const stream = chat([{ reasoning_content: 'Hm.' }, { content: 'Yes.' }, ...CALLS], 'tool_calls')
    expect(translated([stream]).ended).toEqual([response])
  })

  it.each(['', '[]', '{"choices":[]}', '{"choices":[{"message":{}}]}'])(
    'is the provider’s failure when it is %j',
    (body) => {
      const bytes = new TextEncoder().encode(body)
      expect(() => responseOfChat(bytes, head, NOW)).toThrow(apiErrors.providerFailed())
    },
  )
})
