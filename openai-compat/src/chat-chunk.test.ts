import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chatExamples, type SchemaName, schemaProblems } from '../test/openai-schema.ts'
import {
  chatCompletion,
  completionChoice,
  contentChunk,
  contentEventWriter,
  finishChunk,
  roleChunk,
  toolCallChunk,
  usageChunk,
} from './chat-chunk.ts'
import type { ChoiceLogprobs, ChunkHead, ToolCall } from './chat-types.ts'
import { encodeData } from './sse-encoder.ts'
import { billedUsage, makeUsage } from './usage.ts'

const head: ChunkHead = { id: 'chatcmpl-1', created: 1_790_000_000, model: 'tiny' }
const printed: ChunkHead = { ...head, systemFingerprint: 'llama.cpp-1' }
const call: ToolCall = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }
const logprobs: ChoiceLogprobs = {
  content: [
    {
      id: 7,
      token: 'Hi',
      logprob: -0.1,
      bytes: [72, 105],
      top_logprobs: [{ token: '<end>', logprob: -9, bytes: null }],
    },
  ],
  refusal: null,
}

const CHUNK: SchemaName = 'CreateChatCompletionStreamResponse'
const WHOLE: SchemaName = 'CreateChatCompletionResponse'

describe('chunks', () => {
  it.each([
    ['role', roleChunk(head)],
    ['content', contentChunk(head, 'Hi', 1)],
    ['content with logprobs', contentChunk(printed, 'Hi', 0, logprobs)],
    ['tool call', toolCallChunk(head, call, 0)],
    ['finish', finishChunk(head, 'stop')],
    ['usage', usageChunk(printed, makeUsage(3, 4))],
    ['usage with its cost', usageChunk(printed, billedUsage(makeUsage(3, 4), 2500))],
  ])('%s: valid by the schema, with the head of its stream', (_name, chunk) => {
    expect(schemaProblems(CHUNK, chunk)).toEqual([])
    expect(chunk).toMatchObject(head)
  })

  it('say what they are for', () => {
    expect(roleChunk(head).choices[0]?.delta).toEqual({
      role: 'assistant',
      content: '',
      refusal: null,
    })
    expect(finishChunk(head, 'length', 2).choices).toEqual([
      { index: 2, delta: {}, logprobs: null, finish_reason: 'length' },
    ])
    expect(toolCallChunk(head, call, 3).choices[0]?.delta.tool_calls).toEqual([
      { index: 3, ...call },
    ])
    expect(usageChunk(head, makeUsage(3, 4))).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    })
    const legacy = usageChunk(head, billedUsage(makeUsage(3, 4), 2500), 'completions')
    expect(legacy).toMatchObject({ object: 'text_completion', usage: { cost: 2500 } })
    expect(schemaProblems('CreateCompletionResponse', legacy)).toEqual([])
    expect(roleChunk(head)).not.toHaveProperty('system_fingerprint')
    expect(roleChunk(printed).system_fingerprint).toBe('llama.cpp-1')
  })
})

describe('chatCompletion', () => {
  it.each([
    ['text', [completionChoice('Hi', 'stop')]],
    ['logprobs', [completionChoice('Hi', 'length', { logprobs })]],
    ['tool calls', [completionChoice('', 'tool_calls', { toolCalls: [call] })]],
    ['two choices', [completionChoice('a', 'stop'), completionChoice('b', 'stop', { index: 1 })]],
  ])('%s: valid by the schema', (_name, choices) => {
    const completion = chatCompletion(printed, choices, makeUsage(1, 2))
    expect(schemaProblems(WHOLE, completion)).toEqual([])
  })

  it('has null content only beside tool calls', () => {
    expect(completionChoice('', 'stop').message.content).toBe('')
    expect(completionChoice('', 'tool_calls', { toolCalls: [call] }).message.content).toBeNull()
    expect(completionChoice('So:', 'tool_calls', { toolCalls: [call] }).message.content).toBe('So:')
  })
})

describe('contentEventWriter', () => {
  it('writes what encoding each chunk would', () => {
    const tricky = { ...head, model: 'a"content":""b', systemFingerprint: '{"content":""}' }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat({ max: 7 }), (text, index) => {
        const bytes = contentEventWriter(tricky, index)(text)
        expect(bytes).toEqual(encodeData(contentChunk(tricky, text, index)))
      }),
    )
  })
})

describe('the schemas', () => {
  it('accept the answers that OpenAI documents', () => {
    // Two older examples in the document lack keys that its own schema requires.
    const outdated = new Set(['Functions', 'Logprobs'])
    for (const { title, response, chunks = [] } of chatExamples) {
      for (const chunk of chunks) expect(schemaProblems(CHUNK, chunk)).toEqual([])
      if (response === undefined || outdated.has(title)) continue
      expect(schemaProblems(WHOLE, response)).toEqual([])
    }
  })

  it('notice what clients would trip over', () => {
    const { choices: _, ...noChoices } = roleChunk(head)
    expect(schemaProblems(CHUNK, noChoices)).not.toEqual([])
    expect(schemaProblems(CHUNK, { ...roleChunk(head), created: '1' })).not.toEqual([])
    const { logprobs: __, ...noLogprobs } = completionChoice('Hi', 'stop')
    expect(
      schemaProblems(WHOLE, {
        ...chatCompletion(head, [], makeUsage(1, 1)),
        choices: [noLogprobs],
      }),
    ).not.toEqual([])
    expect(schemaProblems('ErrorResponse', { error: { message: 'x', type: 'y' } })).not.toEqual([])
  })
})
