import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, type Cuts, cuts } from '../test/chunking.ts'
import { schemaProblems } from '../test/openai-schema.ts'
import { contentChunk, finishChunk, roleChunk, usageChunk } from './chat-chunk.ts'
import { SseDecoder } from './sse-decoder.ts'
import { doneEvent, encodeComment, encodeData } from './sse-encoder.ts'
import { SseFilter } from './sse-filter.ts'
import { StreamMeter } from './stream-meter.ts'
import { makeUsage } from './usage.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const head = { id: 'chatcmpl-1', created: 1_790_000_000, model: 'tiny' }

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]))
}

/** Runs bytes through a meter; `out` is what the client gets, `facts` what was counted. */
function run(bytes: Uint8Array, at: Cuts = [], choices = 1) {
  const meter = new StreamMeter({ choices })
  // Copies, because what a push returns must stay valid when more is pushed.
  const out = decoder.decode(join(chunked(bytes, at).map((chunk) => meter.push(chunk))))
  const { contentEvents, contentBytes, finishReasons, usage, error, done, fault, complete } = meter
  const facts = { contentEvents, contentBytes, finishReasons, usage, error, done, fault, complete }
  return { out, facts, head: meter.head }
}

const role = encodeData(roleChunk(head))
const say = (text: string, index = 0): Uint8Array => encodeData(contentChunk(head, text, index))
const finish = (index = 0): Uint8Array => encodeData(finishChunk(head, 'stop', index))
const usage = encodeData(usageChunk(head, makeUsage(5, 2)))
const clean = {
  contentEvents: 2,
  contentBytes: 5,
  finishReasons: new Map([[0, 'stop']]),
  usage: makeUsage(5, 2),
  error: undefined,
  done: true,
  fault: undefined,
  complete: true,
}

describe('StreamMeter', () => {
  const text = join([role, say('Hi'), encodeComment('wait'), say(' ü'), finish()])
  const stream = join([text, usage, doneEvent()])

  it('passes and counts a whole answer, less usage and [DONE]', () => {
    expect(run(stream)).toEqual({ out: decoder.decode(text), facts: clean, head })
  })

  it('hands whole events back as the very same bytes', () => {
    const meter = new StreamMeter()
    const piece = join([say('a'), say('b')])
    expect(meter.push(piece)).toBe(piece)
  })

  it('holds an event back until it is whole', () => {
    const meter = new StreamMeter()
    const event = say('held')
    expect(meter.push(event.subarray(0, 50))).toHaveLength(0)
    expect(meter.contentEvents).toBe(0)
    expect(meter.push(event.subarray(50, event.length - 1))).toHaveLength(0)
    expect(meter.push(event.subarray(event.length - 1))).toEqual(event)
    expect(meter.contentEvents).toBe(1)
  })

  it('does the same for any cut of the same bytes', () => {
    const junk = fc.constantFrom(
      'data: {}\n\n',
      'data: {"choices":[',
      '\n',
      '\r\n',
      ':c\n\n',
      'event: x\n',
      'data: x\n\n',
    )
    const event = fc.oneof(
      fc.string({ unit: 'grapheme' }).map((words) => say(words, 1)),
      fc.constantFrom(
        role,
        finish(),
        usage,
        encodeData({ usage: { prompt_tokens: 1 }, choices: [] }),
      ),
    )
    const rare = fc.oneof(
      junk.map((piece) => encoder.encode(piece)),
      fc.constantFrom(doneEvent(), encodeData({ error: { message: 'broken' } })),
    )
    const bytes = fc
      .array(fc.oneof({ weight: 6, arbitrary: event }, { weight: 1, arbitrary: rare }), {
        maxLength: 14,
      })
      .map(join)
    fc.assert(
      fc.property(bytes, cuts, (whole, at) => {
        expect(run(whole, at)).toEqual(run(whole))
      }),
      { numRuns: 400 },
    )
  })

  it('counts what a parser would', () => {
    const words = fc.array(fc.string({ unit: 'grapheme', maxLength: 10 }), { maxLength: 20 })
    fc.assert(
      fc.property(words, cuts, (texts, at) => {
        const { facts, out } = run(join(texts.map((word) => say(word))), at)
        expect(facts.contentEvents).toBe(texts.filter((word) => word !== '').length)
        expect(facts.contentBytes).toBe(encoder.encode(texts.join('')).length)
        const events = new SseDecoder().push(encoder.encode(out))
        const read = events.map(({ data }) => JSON.parse(data).choices[0].delta.content)
        expect(read).toEqual(texts)
      }),
    )
  })

  it('needs every choice to finish', () => {
    const both = join([say('a', 0), say('b', 1), finish(1)])
    expect(run(both, [], 2).facts.complete).toBe(false)
    expect(run(join([both, finish(1)]), [], 2).facts.complete).toBe(false)
    expect(run(join([both, finish(2)]), [], 2).facts.complete).toBe(false)
    expect(run(join([both, finish(0)]), [], 2).facts.complete).toBe(true)
  })

  it('ends at an error, without showing it', () => {
    const failed = join([
      role,
      say('Hi'),
      encodeData({ error: { message: 'oom' } }),
      say('x'),
      finish(),
    ])
    const { out, facts } = run(failed)
    expect(out).toBe(decoder.decode(join([role, say('Hi')])))
    expect(facts).toMatchObject({ error: { message: 'oom' }, contentEvents: 1, complete: false })
  })

  it('ends at [DONE], whatever follows', () => {
    const { facts } = run(join([say('a'), doneEvent(), say('b'), finish()]))
    expect(facts).toMatchObject({ contentEvents: 1, done: true, complete: false })
  })

  it('keeps the last good claim', () => {
    const bad = encodeData({ choices: [], usage: { prompt_tokens: -1, completion_tokens: 5 } })
    expect(run(join([usage, bad])).facts.usage).toEqual(makeUsage(5, 2))
    expect(run(bad).facts.usage).toBeUndefined()
  })

  it.each([
    ['no JSON', 'data: hello\n\n'],
    ['cut JSON', 'data: {"choices":[{\n\n'],
    ['two data lines', 'data: {"choices":[]}\ndata: {}\n\n'],
    ['another field', 'event: error\ndata: {}\n\n'],
    ['a lone CR', 'data: {}\rdata: {}\n\n'],
    ['usage that is no JSON', 'data: {"usage":{x},"choices":[]}\n\n'],
  ])('stops at %s', (_name, bad) => {
    const { out, facts } = run(join([say('ok'), encoder.encode(bad), say('more')]))
    expect(facts.fault).toBe('malformed_event')
    expect(facts.contentEvents).toBe(1)
    expect(out).toBe(decoder.decode(say('ok')))
  })
})

function engineStream(name: string): Uint8Array {
  return readFileSync(new URL(`../test/streams/${name}.sse`, import.meta.url))
}

describe('StreamMeter on streams as engines write them', () => {
  it.each([
    ['llama-server', 6, 30, 'stop', 7],
    ['vllm', 5, 50, 'tool_calls', 25],
    ['openai', 1, 5, 'stop', undefined],
  ])('%s', (name, contentEvents, contentBytes, finishReason, completionTokens) => {
    const { out, facts } = run(engineStream(name))
    expect(facts).toMatchObject({
      contentEvents,
      contentBytes,
      finishReasons: new Map([[0, finishReason]]),
    })
    expect(facts).toMatchObject({ done: true, fault: undefined, complete: true })
    expect(facts.usage?.completion_tokens).toBe(completionTokens)
    expect(run(engineStream(name), [0.1, 0.33, 0.5, 0.95]).out).toBe(out)
    for (const { data } of new SseDecoder().push(encoder.encode(out))) {
      expect(schemaProblems('CreateChatCompletionStreamResponse', JSON.parse(data))).toEqual([])
    }
  })
})

describe('SseFilter', () => {
  it.each([[[]], [[0.5]], [[0.2, 0.4, 0.6, 0.8, 0.99]]])('bounds an event, cut at %j', (at) => {
    const limit = 20
    const fits = encoder.encode(`data: ${'x'.repeat(limit - 7)}\n\n`)
    const tooLong = encoder.encode(`data: ${'x'.repeat(limit - 5)}\n\n`)
    const filter = new SseFilter(() => 'pass', limit)
    expect(join(chunked(fits, at).map((chunk) => filter.push(chunk)))).toEqual(fits)
    expect(join(chunked(tooLong, at).map((chunk) => filter.push(chunk)))).toHaveLength(0)
    expect(filter.fault).toBe('event_too_large')
    expect(filter.push(fits)).toHaveLength(0)
  })

  it('delivers what came before the fault', () => {
    const filter = new SseFilter(() => 'pass', 20)
    const out = filter.push(encoder.encode(`data: a\n\ndata: ${'x'.repeat(50)}`))
    expect(decoder.decode(out)).toBe('data: a\n\n')
  })
})
