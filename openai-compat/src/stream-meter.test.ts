import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, type Cuts, cuts } from '../test/chunking.ts'
import { schemaProblems } from '../test/openai-schema.ts'
import { contentChunk, finishChunk, roleChunk, usageChunk } from './chat-chunk.ts'
import { SseDecoder } from './sse-decoder.ts'
import { doneEvent, commentEvent, encodeData } from './sse-encoder.ts'
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
  const text = join([role, say('Hi'), commentEvent('wait'), say(' ü'), finish()])
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

  it('is complete for good once every choice has finished, and lets nothing follow', () => {
    const whole = join([role, say('Hi'), finish()])
    const late = [finish(), say('x'), encodeData({ error: { message: 'late' } })]
    for (const more of [join(late), encoder.encode('data: x\n\n')]) {
      const { out, facts } = run(join([whole, more]))
      expect(out).toBe(decoder.decode(whole))
      expect(facts).toMatchObject({ contentEvents: 1, complete: true })
    }
  })

  it('refuses a second finish reason of one choice', () => {
    const { out, facts } = run(join([say('a', 0), finish(1), finish(1), finish(0)]), [], 2)
    expect(out).toBe(decoder.decode(join([say('a', 0), finish(1)])))
    expect(facts).toMatchObject({ fault: 'malformed_event', complete: false })
  })

  it('counts one leg until another provider goes on', () => {
    const meter = new StreamMeter()
    meter.push(stream)
    expect(meter.legs).toEqual([
      { contentEvents: 2, contentBytes: 5, usage: makeUsage(5, 2), ended: true },
    ])
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

const text = (words: string, reason: string | null = null): Uint8Array => {
  const choices = [{ index: 0, text: words, logprobs: null, finish_reason: reason }]
  return encodeData({ ...head, object: 'text_completion', choices })
}

describe('StreamMeter on legacy completions', () => {
  it('meters text as it meters deltas', () => {
    const claim = encodeData(usageChunk(head, makeUsage(5, 2), 'completions'))
    const answer = join([text('Hi'), text(' ü'), text('', 'length')])
    const meter = new StreamMeter({ endpoint: 'completions' })
    expect(meter.push(join([answer, claim, doneEvent()]))).toEqual(answer)
    expect(meter).toMatchObject({ ...clean, head, finishReasons: new Map([[0, 'length']]) })
  })

  it('does not count what a chat client would read', () => {
    const meter = new StreamMeter({ endpoint: 'completions' })
    meter.push(say('hidden'))
    expect(meter.contentBytes).toBe(0)
  })
})

/** Bytes that are often almost events. */
const noise = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc
        .constantFrom(
          'data: ',
          'data:{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}',
          '{"choices":[{"finish_reason":"stop","index":0}]}',
          '{"id":"a","created":1,"model":"m","choices":[{"text":"x"}],"usage":{}}',
          '"content":"\\ud83d"',
          '\n',
          '\n\n',
          '\r\n\r\n',
          ': c',
          '[DONE]',
          'event: x',
          '{"error":null}',
        )
        .map((piece) => encoder.encode(piece)),
    ),
    { maxLength: 30 },
  )
  .map(join)

describe('StreamMeter on arbitrary bytes', () => {
  it('never throws, never delivers a part of an event, however cut and continued', () => {
    const endpoint = fc.constantFrom('chat.completions' as const, 'completions' as const)
    fc.assert(
      fc.property(endpoint, fc.array(fc.tuple(noise, cuts), { maxLength: 3 }), (kind, parts) => {
        const meter = new StreamMeter({ endpoint: kind, collectText: true })
        for (const [bytes, at] of parts) {
          const out = join(chunked(bytes, at).map((chunk) => meter.push(chunk)))
          // A blank line ends it, or it is none.
          expect(decoder.decode(out)).toMatch(/^$|\n\r?\n$|^\r?\n$/)
          const { obstacle, text, contentEvents, contentBytes } = meter
          expect(obstacle === undefined ? text.isWellFormed() : true).toBe(true)
          expect(contentBytes).toBeGreaterThanOrEqual(contentEvents)
          meter.nextLeg()
        }
      }),
      { numRuns: 2000 },
    )
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
