import * as fc from 'fast-check'
import { SseDecoder } from '@infernet/openai-compat/sse-decoder'
import { describe, expect, it } from 'vitest'
import { modelRewriter } from './model-alias.ts'
import { MAX_EVENT_BYTES, SseRelay, SseRelayError } from './sse-relay.ts'

const head = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }
const chunk = (delta: object, reason: string | null = null, more: object = {}) =>
  JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason: reason }], ...more })
const usage = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }
const usageChunk = JSON.stringify({ ...head, choices: [], usage })
const event = (data: string, newline = '\n') => `data: ${data}${newline}${newline}`

/** As Python's json.dumps writes it. */
const spaced = (json: string) => json.replaceAll('":', '": ')

/** Text that a careless scanner would take for structure. */
const TRAPS = [
  'data: [DONE]',
  '[DONE]',
  '"finish_reason":"stop"',
  '"usage":{"prompt_tokens":1}',
  '"error":{"message":"no"}',
  'a\n\nb',
  'ünïcödé 🦙',
]

const relayAll = (text: string, cuts: readonly number[], showUsage = false) => {
  const relay = new SseRelay({ showUsage, choices: 1 })
  const bytes = Buffer.from(text)
  const places = [
    0,
    ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ]
  const output = places.slice(1).flatMap((end, i) => relay.push(bytes.subarray(places[i], end)))
  return { relay, text: Buffer.concat([...output, ...relay.flush()]).toString() }
}

const dataOf = (text: string) => new SseDecoder().push(Buffer.from(text)).map(({ data }) => data)

describe('the SSE relay', () => {
  const texts = fc.array(fc.oneof(fc.constantFrom(...TRAPS), fc.string({ minLength: 1 })), {
    minLength: 1,
    maxLength: 8,
  })

  it('passes events on byte for byte, however they are cut', () => {
    fc.assert(
      fc.property(
        texts,
        fc.array(fc.nat()),
        fc.boolean(),
        fc.constantFrom('\n', '\r\n'),
        (words, cuts, showUsage, newline) => {
          const content = words.map((content) => event(chunk({ content }), newline)).join('')
          const begin = `: hello${newline}${newline}` + event(chunk({ role: 'assistant' }), newline)
          const finish = event(chunk({}, 'stop'), newline)
          const usageEvent = event(usageChunk, newline)
          const stream = begin + content + finish + usageEvent + event('[DONE]', newline)
          const { relay, text } = relayAll(stream, cuts, showUsage)
          expect(text).toBe(begin + content + finish + (showUsage ? usageEvent : ''))
          expect(dataOf(text).length).toBe(words.length + 2 + (showUsage ? 1 : 0))
          expect(relay).toMatchObject({
            isDone: true,
            isComplete: true,
            finishReason: 'stop',
            contentEvents: words.length,
            usage: { prompt_tokens: 5, completion_tokens: 3 },
          })
        },
      ),
    )
  })

  it('reads JSON with spaces after its colons', () => {
    const stream =
      event(spaced(chunk({ content: 'a' }))) +
      event(spaced(chunk({}, 'length'))) +
      event(spaced(usageChunk))
    const { relay, text } = relayAll(stream, [])
    expect(relay).toMatchObject({ finishReason: 'length', usage: { prompt_tokens: 5 } })
    expect(text).not.toContain('usage')
  })

  it('takes usage out of a chunk that has choices too', () => {
    const stream = event(chunk({ content: 'a' })) + event(chunk({}, 'stop', { usage }))
    const { relay, text } = relayAll(stream, [])
    expect(relay.usage).toEqual({ prompt_tokens: 5, completion_tokens: 3 })
    expect(text).not.toContain('usage')
    expect(dataOf(text)).toHaveLength(2)
    expect(relayAll(stream, [], true).text).toBe(stream)
  })

  it('holds the finish event back for what comes with it', () => {
    const relay = new SseRelay({ showUsage: false, choices: 1 })
    relay.push(Buffer.from(event(chunk({ content: 'a' }))))
    expect(relay.push(Buffer.from(event(chunk({}, 'stop'))))).toEqual([])
    expect(Buffer.concat(relay.flush()).toString()).toContain('"finish_reason":"stop"')
  })

  it('is complete when every choice is', () => {
    const relay = new SseRelay({ showUsage: false, choices: 2 })
    relay.push(Buffer.from(event(chunk({ content: 'a' })) + event(chunk({}, 'stop'))))
    expect(relay.isComplete).toBe(false)
    relay.push(Buffer.from(event(chunk({}, 'stop'))))
    expect(relay.isComplete).toBe(true)
  })

  it.each([
    ['{"error":{"message":"out of memory"}}', 'engine_error', 'out of memory'],
    ['{"error":"just text"}', 'engine_error', 'just text'],
    ['{"usage":{oops', 'not_json', 'not JSON'],
    ['{"choices":1}', 'not_json', 'not a list'],
  ])('throws for %s', (data, code, message) => {
    const relay = new SseRelay({ showUsage: false, choices: 1 })
    const push = () => relay.push(Buffer.from(event(data)))
    expect(push).toThrow(message)
    expect(push).toThrow(SseRelayError)
    expect(push).toThrow(expect.objectContaining({ code }) as Error)
  })

  it('holds no more than one event', () => {
    const relay = new SseRelay({ showUsage: false, choices: 1 })
    const quarter = Buffer.alloc(MAX_EVENT_BYTES / 4, 120)
    expect(() => {
      for (let i = 0; i < 5; i++) relay.push(quarter)
    }).toThrow(SseRelayError)
  })

  it('renames the model but not what the model says', () => {
    const rewrite = modelRewriter({ id: 'nice "name"', engineName: '/models/x.gguf' })
    const said = JSON.stringify('"model":"/models/x.gguf"')
    const bytes = Buffer.from(
      `{"model":"/models/x.gguf","content":${said}}{"model": "/models/x.gguf"}`,
    )
    expect(rewrite?.(bytes).toString()).toBe(
      `{"model":"nice \\"name\\"","content":${said}}{"model":"nice \\"name\\""}`,
    )
    expect(modelRewriter({ id: 'same', engineName: 'same' })).toBeUndefined()
  })
})
