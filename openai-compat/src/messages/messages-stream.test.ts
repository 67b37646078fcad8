import Anthropic, { APIError } from '@anthropic-ai/sdk'
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, type Cuts, cuts } from '../../test/chunking.ts'
import { streamErrorEvent } from '../api-error.ts'
import { apiErrors } from '../api-errors.ts'
import { contentChunk, finishChunk, roleChunk, usageChunk } from '../chat-chunk.ts'
import type { ChunkDelta, FinishReason } from '../chat-types.ts'
import { SseDecoder } from '../sse-decoder.ts'
import { commentEvent, doneEvent, encodeData } from '../sse-encoder.ts'
import { billedUsage, makeUsage } from '../usage.ts'
import type { MessageEvent } from './message-types.ts'
import type { MessageHead } from './messages-answer.ts'
import { MessagesStream } from './messages-stream.ts'

const CHAT = { id: 'chatcmpl-1', created: 1, model: 'engine-name' }
const HEAD: MessageHead = { id: 'msg_1', model: 'tiny', stopSequences: ['END'] }

const delta = (fields: ChunkDelta) =>
  encodeData({
    ...contentChunk(CHAT, ''),
    choices: [{ index: 0, delta: fields, finish_reason: null }],
  })
const text = (words: string) => encodeData(contentChunk(CHAT, words))
const usage = (cost: number) => encodeData(usageChunk(CHAT, billedUsage(makeUsage(10, 3), cost)))
const ended = (reason: FinishReason = 'stop') => [
  encodeData(finishChunk(CHAT, reason)),
  usage(1500),
  doneEvent(),
]
const call = (index: number, id: string, name: string) =>
  delta({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] })
const args = (index: number, json: string) =>
  delta({ tool_calls: [{ index, function: { arguments: json } }] })

const join = (pieces: readonly Uint8Array[]) => Buffer.concat(pieces)

function translate(pieces: readonly Uint8Array[], at: Cuts = []): Uint8Array {
  const stream = new MessagesStream(HEAD, 'req_1')
  const out = chunked(new Uint8Array(join(pieces)), at).map((bytes) => stream.push(bytes))
  return join([...out, stream.finish()])
}

function events(pieces: readonly Uint8Array[]): MessageEvent[] {
  return new SseDecoder().push(translate(pieces)).map(({ event, data }) => {
    const value = JSON.parse(data) as MessageEvent
    expect(event).toBe(value.type)
    return value
  })
}

const types = (pieces: readonly Uint8Array[]) => events(pieces).map(({ type }) => type)

/** What Anthropic's SDK makes of the stream: it parses, checks the order and accumulates. */
function readBySdk(pieces: readonly Uint8Array[], at: Cuts = []) {
  const sdk = new Anthropic({
    apiKey: 'k',
    maxRetries: 0,
    fetch: async () =>
      new Response(new Uint8Array(translate(pieces, at)), {
        headers: { 'content-type': 'text/event-stream' },
      }),
  })
  return sdk.messages
    .stream({ model: 'tiny', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] })
    .finalMessage()
}

describe('a chat stream as a message stream', () => {
  it('has the events of a text, in order', () => {
    const start = { type: 'message_start', message: expect.objectContaining({ id: 'msg_1' }) }
    const block = { type: 'text', text: '', citations: null }
    expect(events([encodeData(roleChunk(CHAT)), text('Hel'), text('lo'), ...ended()])).toEqual([
      start,
      { type: 'ping' },
      { type: 'content_block_start', index: 0, content_block: block },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'lo' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: {
          stop_reason: 'end_turn',
          stop_sequence: null,
          stop_details: null,
          container: null,
        },
        usage: expect.objectContaining({ input_tokens: 10, output_tokens: 3, cost: 1500 }),
      },
      { type: 'message_stop' },
    ])
  })

  it("fits the SDK's types", () => {
    const raw: RawMessageStreamEvent[] = events([text('x'), ...ended()]).filter(
      (event) => event.type !== 'ping',
    )
    expect(raw).toHaveLength(6)
  })

  it("is read by Anthropic's SDK: thoughts, text and calls", async () => {
    const message = await readBySdk([
      delta({ reasoning_content: 'Hm.' }),
      text('Let me look.'),
      call(0, 'call_a', 'weather'),
      args(0, '{"city":'),
      args(0, '"Paris"}'),
      call(1, 'call_b', 'now'),
      ...ended('tool_calls'),
    ])
    expect(message).toMatchObject({
      id: 'msg_1',
      model: 'tiny',
      stop_reason: 'tool_use',
      content: [
        { type: 'thinking', thinking: 'Hm.' },
        { type: 'text', text: 'Let me look.' },
        { type: 'tool_use', id: 'call_a', name: 'weather', input: { city: 'Paris' } },
        { type: 'tool_use', id: 'call_b', name: 'now', input: {} },
      ],
      usage: { input_tokens: 10, output_tokens: 3 },
    })
  })

  it('is the same however it is cut, and says what the chunks said', async () => {
    const words = fc.array(fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }), {
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(
        words,
        fc.array(fc.jsonValue(), { maxLength: 3 }),
        cuts,
        async (said, inputs, at) => {
          const calls = inputs.flatMap((input, i) => {
            const json = JSON.stringify({ input })
            return [call(i, `call_${i}`, 'f'), args(i, json.slice(0, 3)), args(i, json.slice(3))]
          })
          const pieces = [
            ...said.map(text),
            commentEvent('infernet processing'),
            ...calls,
            ...ended(),
          ]
          expect(translate(pieces, at)).toEqual(translate(pieces))
          const { content } = await readBySdk(pieces, at)
          const spoken = content.flatMap((block) => (block.type === 'text' ? [block.text] : []))
          expect(spoken.join('')).toBe(said.join(''))
          const called = content.flatMap((block) =>
            block.type === 'tool_use' ? [block.input] : [],
          )
          expect(called).toEqual(inputs.map((input) => JSON.parse(JSON.stringify({ input }))))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('opens at a sign of life before the first chunk, and pings at those after it', () => {
    const comment = commentEvent('infernet processing')
    expect(types([comment, comment, text('x'), comment]).slice(0, 6)).toEqual([
      'message_start',
      'ping',
      'ping',
      'content_block_start',
      'content_block_delta',
      'ping',
    ])
  })

  it('names the stop sequence that the engine met', () => {
    const finish = finishChunk(CHAT, 'stop')
    const met = { ...finish, choices: [{ ...finish.choices[0], stop_reason: 'END' }] }
    expect(events([text('x'), encodeData(met), doneEvent()])).toContainEqual(
      expect.objectContaining({
        delta: expect.objectContaining({ stop_reason: 'stop_sequence', stop_sequence: 'END' }),
      }),
    )
  })

  it('says a refusal as text', () => {
    const refused = events([delta({ refusal: 'No.' }), ...ended()])
    expect(refused).toContainEqual(
      expect.objectContaining({ delta: expect.objectContaining({ text: 'No.' }) }),
    )
    expect(refused).toContainEqual(
      expect.objectContaining({ delta: expect.objectContaining({ stop_reason: 'refusal' }) }),
    )
  })
})

describe('a chat stream that fails', () => {
  const broken = {
    type: 'error',
    error: {
      type: 'api_error',
      message: apiErrors.providerFailed().message,
      details: { error_code: 'provider_failed' },
    },
    request_id: 'req_1',
  }

  it('ends with the error that came in band, and nothing after it', async () => {
    const failure = streamErrorEvent(apiErrors.overloaded(100), CHAT)
    const pieces = [text('x'), failure, ...ended()]
    expect(events(pieces).at(-1)).toMatchObject({
      type: 'error',
      error: { type: 'overloaded_error', details: { error_code: 'overloaded' } },
      request_id: 'req_1',
    })
    await expect(readBySdk(pieces)).rejects.toSatisfy(
      (error) => error instanceof APIError && error.type === 'overloaded_error',
    )
  })

  it('never ends well when it is cut, wherever that is', () => {
    const whole = new Uint8Array(
      join([text('Hello'), call(0, 'c', 'f'), args(0, '{}'), ...ended()]),
    )
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), (length) => {
        const cut = events([whole.slice(0, length)])
        expect(cut.at(-1)).toEqual(broken)
        expect(cut.map(({ type }) => type)).not.toContain('message_stop')
      }),
    )
  })

  it.each([
    ['no JSON', encodeData('x').fill(0x7b, 6, 8)],
    ['no event', new TextEncoder().encode('id: 7\n\n')],
    ['a piece of a call that is over', join([call(0, 'a', 'f'), call(1, 'b', 'g'), args(0, '{}')])],
    ['a clean end without a finish reason', doneEvent()],
  ])('is broken by %s', (_, piece) => {
    const stream = new MessagesStream(HEAD, 'req_1')
    stream.push(text('x'))
    const out = stream.push(new Uint8Array(piece))
    expect(stream.failed).toBe(true)
    const last = new SseDecoder().push(out).at(-1)
    expect(JSON.parse(last?.data ?? '')).toEqual(broken)
    expect(stream.push(join(ended()))).toHaveLength(0)
    expect(stream.finish()).toHaveLength(0)
  })
})
