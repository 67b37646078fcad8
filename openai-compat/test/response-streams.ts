import { expect } from 'vitest'
import { finishChunk, roleChunk, usageChunk } from '../src/chat-chunk.ts'
import type { ChunkDelta, FinishReason } from '../src/chat-types.ts'
import { type ResponseHead, settingsOf } from '../src/responses/response-object.ts'
import type { OutputItem, ResponseObject } from '../src/responses/response-types.ts'
import { ResponsesStream } from '../src/responses/responses-stream.ts'
import { SseDecoder } from '../src/sse-decoder.ts'
import { doneEvent, encodeData } from '../src/sse-encoder.ts'
import { billedUsage, makeUsage } from '../src/usage.ts'
import { schemaProblems } from './openai-schema.ts'

/** The last event has the whole response in it. */
const MAX_TEST_EVENT_BYTES = 64 * 1024 * 1024

export const HEAD = { id: 'chatcmpl-1', created: 1, model: 'engine-name' }
export const NOW = 1_700_000_000_000
export const USAGE = billedUsage(makeUsage(10, 3), 16)
export const head: ResponseHead = {
  id: 'resp_0123456789abcdef0123456789abcdef',
  model: 'tiny',
  createdAt: NOW - 5000,
  settings: settingsOf({ model: 'tiny', input: 'Hi', tools: [{ type: 'function', name: 'f' }] }),
  logprobs: true,
}

export type Delta = ChunkDelta & { reasoning?: string }
export interface Event {
  type: string
  sequence_number: number
  output_index: number
  item_id: string
  item: OutputItem
  delta: string
  response: ResponseObject
}

export const chunk = (delta: Delta, logprobs: unknown = null) =>
  encodeData({
    ...HEAD,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs, finish_reason: null }],
  })

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** A whole chat stream as the edge writes it. */
export const chat = (deltas: readonly Delta[], reason: FinishReason = 'stop'): Uint8Array =>
  joined([
    encodeData(roleChunk(HEAD)),
    ...deltas.map((delta) => chunk(delta)),
    encodeData(finishChunk(HEAD, reason)),
    encodeData(usageChunk(HEAD, USAGE)),
    doneEvent(),
  ])

export function translated(pieces: readonly Uint8Array[]): {
  bytes: Uint8Array
  ended: ResponseObject[]
} {
  const ended: ResponseObject[] = []
  const stream = new ResponsesStream({ head, now: () => NOW, onEnd: (r) => ended.push(r) })
  const bytes = joined([stream.begin(), ...pieces.map((piece) => stream.push(piece)), stream.end()])
  return { bytes, ended }
}

/** The events of a translated stream, each checked against OpenAI's schema and the one before it. */
export function eventsOf(bytes: Uint8Array): Event[] {
  const decoded = new SseDecoder(MAX_TEST_EVENT_BYTES).push(bytes)
  return decoded.map(({ event, data }, i) => {
    const value = JSON.parse(data) as Event
    expect(schemaProblems('ResponseStreamEvent', value)).toEqual([])
    expect(event).toBe(value.type)
    expect(value.sequence_number).toBe(i)
    return value
  })
}

export const run = (pieces: readonly Uint8Array[]): Event[] => eventsOf(translated(pieces).bytes)
export const typesOf = (events: readonly Event[]): string[] =>
  events.map(({ type }) => type.replace('response.', ''))

export const CALLS: Delta[] = [
  { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] },
  { tool_calls: [{ index: 0, function: { arguments: '{"x":' } }] },
  {
    tool_calls: [{ index: 1, id: 'a', type: 'function', function: { name: 'g', arguments: '{' } }],
  },
  { tool_calls: [{ index: 0, function: { arguments: '1}' } }] },
  { tool_calls: [{ index: 1, function: { arguments: '}' } }] },
]
