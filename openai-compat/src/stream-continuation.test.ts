import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, type Cuts, cuts } from '../test/chunking.ts'
import { schemaProblems } from '../test/openai-schema.ts'
import { contentChunk, finishChunk, roleChunk, toolCallChunk, usageChunk } from './chat-chunk.ts'
import type { ChunkHead } from './chat-types.ts'
import { SseDecoder } from './sse-decoder.ts'
import { commentEvent, doneEvent, encodeData } from './sse-encoder.ts'
import type { StreamEndpoint } from './stream-endpoint.ts'
import { StreamMeter } from './stream-meter.ts'
import { makeUsage } from './usage.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const HEADS: readonly ChunkHead[] = [
  { id: 'answer-a', created: 1_790_000_000, model: 'tiny', systemFingerprint: 'fp-a' },
  { id: 'answer-b', created: 1_790_000_007, model: 'vendor/Tiny', systemFingerprint: 'fp-b' },
  { id: 'answer-c', created: 1_790_000_009, model: 'tiny' },
]

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]))
}

function textChunk(head: ChunkHead, text: string, reason: string | null = null): unknown {
  const { systemFingerprint: print, ...rest } = head
  return {
    ...rest,
    ...(print === undefined ? {} : { system_fingerprint: print }),
    object: 'text_completion',
    choices: [{ index: 0, text, logprobs: null, finish_reason: reason }],
  }
}

/** The events of a provider's whole stream. */
function eventsOf(endpoint: StreamEndpoint, head: ChunkHead, texts: readonly string[]) {
  const isChat = endpoint === 'chat.completions'
  const say = (text: string): unknown => (isChat ? contentChunk(head, text) : textChunk(head, text))
  const claim = makeUsage(10, texts.length)
  return [
    ...(isChat ? [roleChunk(head)] : []),
    ...texts.map(say),
    isChat ? finishChunk(head, 'stop') : textChunk(head, '', 'stop'),
    usageChunk(head, claim, endpoint),
  ].map(encodeData)
}

interface Chunk {
  id: string
  created: number
  model: string
  system_fingerprint?: string
  usage?: unknown
  choices: {
    delta?: { role?: string; content?: string | null }
    text?: string
    finish_reason: string | null
  }[]
}

/** What the client reads; fails where a client would. */
function read(out: string, endpoint: StreamEndpoint) {
  const chunks = new SseDecoder().push(encoder.encode(out)).map(({ data }) => {
    const chunk = JSON.parse(data) as Chunk
    if (endpoint === 'chat.completions') {
      expect(schemaProblems('CreateChatCompletionStreamResponse', chunk)).toEqual([])
    } else {
      // The schema is that of a whole answer, in which every choice has ended.
      const choices = chunk.choices.map((choice) => ({
        ...choice,
        finish_reason: choice.finish_reason ?? 'stop',
      }))
      expect(schemaProblems('CreateCompletionResponse', { ...chunk, choices })).toEqual([])
    }
    return chunk
  })
  const choices = chunks.map((chunk) => chunk.choices[0])
  return {
    text: choices.map((choice) => choice?.text ?? choice?.delta?.content ?? '').join(''),
    ids: new Set(chunks.map(({ id, created, model }) => JSON.stringify({ id, created, model }))),
    roles: choices.filter((choice) => choice?.delta?.role !== undefined).length,
    finishes: choices.filter((choice) => choice?.finish_reason).length,
    chunks,
  }
}

/** Pushes bytes cut at these places; returns what the client gets. */
function push(meter: StreamMeter, bytes: Uint8Array, at: Cuts = []): string {
  return decoder.decode(join(chunked(bytes, at).map((chunk) => meter.push(chunk))))
}

const words = fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { maxLength: 8 })
/** A provider's part: what it would say, how far it gets, and how its bytes are cut. */
const part = fc.record({
  texts: words,
  until: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  at: cuts,
})
const spoken = (texts: readonly string[]): string[] => texts.filter((text) => text !== '')
const bytesOf = (texts: readonly string[]): number => encoder.encode(texts.join('')).length

describe.each<StreamEndpoint>(['chat.completions', 'completions'])(
  'a continued %s stream',
  (endpoint) => {
    it('is one valid stream, whoever failed and wherever', () => {
      fc.assert(
        fc.property(fc.array(part, { maxLength: 2 }), part, (failing, last) => {
          const meter = new StreamMeter({ endpoint, collectText: true })
          let out = ''
          const texts: string[] = []
          for (const [i, { texts: wanted, until, at }] of failing.entries()) {
            const events = eventsOf(endpoint, HEADS[i] as ChunkHead, wanted)
            // Somewhere before the finish reason is whole.
            const open = join(events.slice(0, -2))
            const bytes = join([open, (events.at(-2) as Uint8Array).slice(0, -1)])
            const end = Math.round(until * bytes.length)
            out += push(meter, bytes.slice(0, end), at)
            let whole = 0
            const role = endpoint === 'chat.completions' ? 1 : 0
            const delivered = events.filter((event) => (whole += event.length) <= end)
            texts.push(...wanted.slice(0, Math.max(0, delivered.length - role)))
            expect(meter.continuable).toBe(true)
            expect(meter.text).toBe(texts.join(''))
            meter.nextLeg()
          }
          const head = HEADS[failing.length] as ChunkHead
          out += push(meter, join([...eventsOf(endpoint, head, last.texts), doneEvent()]), last.at)
          texts.push(...last.texts)

          const client = read(out, endpoint)
          expect(client.text).toBe(texts.join(''))
          expect(client.ids.size).toBe(1)
          expect(client.roles).toBe(endpoint === 'chat.completions' ? 1 : 0)
          expect(client.finishes).toBe(1)
          expect(meter).toMatchObject({ complete: true, continuable: false, done: true })
          expect(meter.legs).toHaveLength(failing.length + 1)
          expect(meter.contentEvents).toBe(spoken(texts).length)
          expect(meter.contentBytes).toBe(bytesOf(texts))
          expect(meter.legs.at(-1)).toEqual({
            contentEvents: spoken(last.texts).length,
            contentBytes: bytesOf(last.texts),
            usage: makeUsage(10, last.texts.length),
            ended: true,
          })
          expect(meter.legs.slice(0, -1).every(({ ended }) => !ended)).toBe(true)
          expect(meter.contentOf(failing.length)).toBe(last.texts.join(''))
          const parts = meter.legs.map((_, leg) => meter.contentOf(leg))
          expect(parts.join('')).toBe(texts.join(''))
        }),
        { numRuns: 150 },
      )
    })

    it('does not claim another engine’s fingerprint or usage', () => {
      const meter = new StreamMeter({ endpoint, collectText: true })
      const [first, second] = HEADS as [ChunkHead, ChunkHead]
      let out = push(meter, join(eventsOf(endpoint, first, ['a']).slice(0, -2)))
      meter.nextLeg()
      const same = eventsOf(endpoint, { ...second, systemFingerprint: 'fp-a' }, ['b'])
      out += push(meter, join(same.slice(0, -2)))
      meter.nextLeg()
      const chunk = JSON.parse(decoder.decode(eventsOf(endpoint, second, ['c']).at(-2)).slice(6))
      out += push(meter, encodeData({ ...chunk, usage: makeUsage(5, 1) }))
      const { chunks } = read(out, endpoint)
      expect(chunks.at(-2)?.system_fingerprint).toBe('fp-a')
      expect(chunks.at(-1)).not.toHaveProperty('system_fingerprint')
      expect(chunks.at(-1)).not.toHaveProperty('usage')
      expect(meter.usage).toEqual(makeUsage(5, 1))
    })
  },
)

function after(bytes: Uint8Array, options: { choices?: number; collectText?: boolean } = {}) {
  const meter = new StreamMeter({ collectText: true, ...options })
  meter.push(bytes)
  return meter
}

const stream = (name: string): Uint8Array =>
  readFileSync(new URL(`../test/streams/${name}.sse`, import.meta.url))

describe('StreamMeter, when a provider fails', () => {
  const [first, second] = HEADS as [ChunkHead, ChunkHead]
  const role = encodeData(roleChunk(first))
  const say = (text: string, head = first): Uint8Array => encodeData(contentChunk(head, text))
  const delta = (fields: object): Uint8Array =>
    encodeData({ ...contentChunk(first, ''), choices: [{ index: 0, delta: fields }] })
  const finish = encodeData(finishChunk(first, 'stop'))
  const call = toolCallChunk(
    first,
    { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } },
    0,
  )

  it.each<[string, Uint8Array, string | undefined]>([
    ['nothing', new Uint8Array(0), undefined],
    ['a comment', commentEvent('wait'), undefined],
    ['its role', role, undefined],
    ['text', join([role, say('Hi')]), undefined],
    ['half an event', join([role, say('Hi'), say('x').slice(0, 40)]), undefined],
    [
      'text, and nothing in other fields',
      join([delta({ content: 'a', reasoning: null })]),
      undefined,
    ],
    ['reasoning', join([role, delta({ reasoning_content: 'hm' })]), 'other_output'],
    ['reasoning, then text', join([delta({ reasoning: 'hm' }), say('a')]), 'other_output'],
    ['text, then a call', join([say('a'), encodeData(call)]), 'other_output'],
    ['a refusal', delta({ refusal: 'no' }), 'other_output'],
    ['sound', delta({ audio: { data: 'AAAA' } }), 'other_output'],
    ['a legacy call', delta({ function_call: { name: 'f' } }), 'other_output'],
    ['text in parts', delta({ content: [{ type: 'text', text: 'a' }] }), 'other_output'],
    ['another choice', encodeData(contentChunk(first, 'a', 1)), 'choices'],
    ['the end', join([say('a'), finish]), 'complete'],
    ['half a character', say('a\ud83d'), 'half_character'],
    ['no head', encoder.encode('data: {"choices":[{"index":0,"delta":{}}]}\n\n'), 'no_head'],
  ])('after %s', (_name, bytes, obstacle) => {
    const meter = after(bytes)
    expect(meter.obstacle).toBe(obstacle)
    expect(meter.continuable).toBe(obstacle === undefined)
  })

  it('needs the text only once there is some', () => {
    expect(after(role, { collectText: false }).obstacle).toBeUndefined()
    expect(after(join([role, say('a')]), { collectText: false }).obstacle).toBe('not_collected')
    expect(after(join([role, encodeData(call)]), { collectText: false }).obstacle).toBe(
      'not_collected',
    )
  })

  it('restarts several choices only before the first chunk', () => {
    expect(after(commentEvent('x'), { choices: 2 }).obstacle).toBeUndefined()
    expect(after(role, { choices: 2 }).obstacle).toBe('choices')
  })

  it('joins characters that were cut between two chunks', () => {
    const meter = after(join([say('a\ud83d'), say('\ude00b')]))
    expect(meter.text).toBe('a😀b')
    const raw = encoder.encode(decoder.decode(say('€x')))
    const cut = raw.indexOf(0xe2)
    const invalid = join([raw.slice(0, cut), raw.slice(cut + 1)])
    expect(after(join([say('a'), invalid])).obstacle).toBe('half_character')
  })

  it('lets a fresh provider speak for itself when nothing had been delivered', () => {
    const meter = after(commentEvent('wait'))
    meter.nextLeg()
    const whole = join(eventsOf('chat.completions', second, ['a']).slice(0, -1))
    expect(meter.push(whole)).toBe(whole)
    expect(meter.head).toEqual(second)
  })

  it.each<[string, Uint8Array]>([
    ['a fault', encoder.encode('data: {"choices":[\n\n')],
    ['an error', encodeData({ error: { message: 'cuda' } })],
    ['an early [DONE]', doneEvent()],
    ['half an event', say('lost').slice(0, -1)],
  ])('forgets %s with its provider', (_name, bytes) => {
    const meter = after(join([role, say('a'), bytes]))
    meter.nextLeg()
    expect(meter).toMatchObject({ fault: undefined, error: undefined, done: false })
    const out = push(meter, say('b', second))
    expect(read(out, 'chat.completions')).toMatchObject({ text: 'b', roles: 0 })
  })

  it.each<[string, object]>([
    ['two choices', { choices: [{ index: 0 }, { index: 1 }] }],
    ['another choice', { choices: [{ index: 1, delta: { content: 'x' } }] }],
    ['a choice of another kind', { choices: [1] }],
  ])('stops a next provider that sends %s', (_name, chunk) => {
    const meter = after(say('a'))
    meter.nextLeg()
    expect(meter.push(encodeData(chunk))).toHaveLength(0)
    expect(meter.fault).toBe('malformed_event')
    expect(meter.contentEvents).toBe(1)
  })

  it('stops a next provider whose chunk cannot be written again', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const meter = after(say('a'))
    meter.nextLeg()
    const chunk = `data: {"x":${deep},"choices":[{"index":0,"delta":{"content":"b"}}]}\n\n`
    expect(meter.push(encoder.encode(chunk))).toHaveLength(0)
    expect(meter.fault).toBe('malformed_event')
  })

  it('drops what a next provider says to open a stream', () => {
    const meter = after(join([role, say('a')]))
    meter.nextLeg()
    const empty = { ...contentChunk(second, ''), choices: [{ index: 0, delta: null }] }
    for (const opening of [roleChunk(second), contentChunk(second, ''), empty]) {
      expect(meter.push(encodeData(opening))).toHaveLength(0)
    }
    expect(meter).toMatchObject({ fault: undefined, contentEvents: 1 })
  })

  it('passes what a next provider says beside text', () => {
    const meter = after(join([role, say('a')]))
    meter.nextLeg()
    const out = push(meter, join([encodeData(call), commentEvent('x'), finish]))
    expect(out).toContain(': x\n\n')
    expect(read(out, 'chat.completions').finishes).toBe(1)
    expect(meter.contentBytes).toBe(1 + 3)
  })

  it('goes on with real streams', () => {
    const llama = stream('llama-server')
    const whole = decoder.decode(llama)
    for (let cut = 0; cut < whole.indexOf('"finish_reason":"stop"'); cut += 97) {
      const meter = new StreamMeter({ collectText: true })
      let out = push(meter, llama.subarray(0, cut))
      const { text } = meter
      meter.nextLeg()
      out += push(meter, stream('openai'))
      const client = read(out, 'chat.completions')
      expect(client).toMatchObject({ text: `${text}Hello`, roles: 1, finishes: 1 })
      expect(client.ids.size).toBe(1)
    }
  })
})
