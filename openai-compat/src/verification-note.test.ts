import { describe, expect, it } from 'vitest'
import { HEAD as CHAT, head } from '../test/response-streams.ts'
import { chatCompletion, completionChoice, contentChunk, finishChunk } from './chat-chunk.ts'
import { messagesAnswer } from './messages/messages-answer.ts'
import { MessagesStream } from './messages/messages-stream.ts'
import { responseOfChat } from './responses/responses-answer.ts'
import { ResponsesStream } from './responses/responses-stream.ts'
import { SseDecoder } from './sse-decoder.ts'
import { doneEvent, encodeData } from './sse-encoder.ts'
import { makeUsage } from './usage.ts'
import { NOTE_KEY, noteIn, type VerificationNote } from './verification-note.ts'

const note = (verdict: 'pass' | 'pending'): VerificationNote => ({
  verification: { verdict, log_e: null, reason: null, lease: 'job_1.1', spec: null },
})
const MESSAGE = { id: 'msg_1', model: 'tiny', stopSequences: [] }
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

const whole = (members: object) =>
  encode({
    ...chatCompletion(CHAT, [completionChoice('Yes', 'stop')], makeUsage(1, 1)),
    ...members,
  })

/** A stream whose engine says `engine` of itself, and the edge `edge`, if anything. */
const streamed = (engine: object, edge?: object): Uint8Array[] => [
  encodeData({ ...contentChunk(CHAT, 'Yes'), [NOTE_KEY]: engine }),
  encodeData({ ...finishChunk(CHAT, 'stop'), [NOTE_KEY]: engine }),
  ...(edge === undefined
    ? []
    : [encodeData({ ...contentChunk(CHAT, ''), choices: [], [NOTE_KEY]: edge })]),
  doneEvent(),
]

const lastOf = (chunks: readonly Uint8Array[], type: string): Record<string, unknown> => {
  const events = new SseDecoder().push(new Uint8Array(Buffer.concat(chunks)))
  const { data } = events.findLast(({ event }) => event === type)!
  return JSON.parse(data) as Record<string, unknown>
}

/** How each API tells it; undefined for nothing. */
const APIS: Record<
  string,
  {
    whole: (body: Uint8Array, isStrict: boolean) => unknown
    stream: (chunks: readonly Uint8Array[], isStrict: boolean) => unknown
  }
> = {
  '/v1/messages': {
    whole: (body, isStrict) => messagesAnswer(body, { ...MESSAGE, isStrict }).infernet,
    stream(chunks, isStrict) {
      const stream = new MessagesStream({ ...MESSAGE, isStrict }, 'req_1')
      return lastOf(
        chunks.map((bytes) => stream.push(bytes)),
        'message_delta',
      )[NOTE_KEY]
    },
  },
  '/v1/responses': {
    whole: (body, isStrict) => responseOfChat(body, { ...head, isStrict }, 0).infernet,
    stream(chunks, isStrict) {
      const stream = new ResponsesStream({ head: { ...head, isStrict }, now: () => 0 })
      const out = [stream.begin(), ...chunks.map((bytes) => stream.push(bytes))]
      const { response } = lastOf(out, 'response.completed') as { response: object }
      return (response as { infernet?: unknown }).infernet
    },
  },
}

describe.each(Object.entries(APIS))('a verdict in %s', (_, api) => {
  it('is in a whole answer and in the last event of a stream', () => {
    expect(api.whole(whole({ [NOTE_KEY]: note('pass') }), true)).toEqual(note('pass'))
    expect(api.stream(streamed({}, note('pending')), true)).toEqual(note('pending'))
  })

  it('is never the engine’s own word', () => {
    expect(api.stream(streamed(note('pass'), note('pending')), true)).toEqual(note('pending'))
    expect(api.stream(streamed(note('pass')), true)).toBeUndefined()
    expect(api.stream(streamed(note('pass')), false)).toBeUndefined()
    expect(api.whole(whole({ [NOTE_KEY]: note('pass') }), false)).toBeUndefined()
  })
})

it('a note that is none is none', () => {
  for (const value of [null, 'a', {}, { [NOTE_KEY]: null }, { [NOTE_KEY]: { verification: {} } }])
    expect(noteIn(value)).toBeUndefined()
})
