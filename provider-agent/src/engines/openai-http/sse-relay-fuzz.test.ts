import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_EVENT_BYTES, SseRelay, SseRelayError, type SseRelayOptions } from './sse-relay.ts'

const NUM_RUNS = 1_000

const FIELDS = ['data: ', 'data:', 'data', ': comment\n\n', 'event: x\n']
const LINE_ENDS = ['\n', '\r', '\n\n', '\r\n\r\n', '\ufeff', '\0']
const JSON_PARTS = ['{', '}', '[', ']', '"', '\\', 'null', '1e999', '\ud800', '[DONE]']
const CHUNK_PARTS = ['{"choices":', '"finish_reason":"stop"', '"finish_reason": "', '"usage":{']
const VALUES = ['[DONE]', '[]', 'null', '7', '"x"', '{"error":', '{}']
const CHOICES = [null, 7, 'x', [], {}, [null], [7], [[]], [{ delta: null }], [{ delta: 'text' }]]
const ERRORS = [null, 7, 'x', [], {}, { message: 7 }]
const EVENTS = [
  'data: {"choices":[{"index":0,"delta":{"content":"é🐈"}}]}\n\n',
  'data: {"choices":[{"index":0,"text":"one","finish_reason":"length"}]}\n\n',
  'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\n',
  'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n',
  'data: {"choices":[{}],"usage":{"prompt_tokens":-1,"completion_tokens":1e99}}\n\n',
  ...VALUES.map((value) => `data: ${value}\n\n`),
  ...CHOICES.map((choices) => `data: ${JSON.stringify({ choices })}\n\n`),
  ...ERRORS.map((error) => `data: ${JSON.stringify({ error })}\n\n`),
]

/** What a broken engine may write, whole and in parts. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(...FIELDS, ...LINE_ENDS, ...JSON_PARTS, ...CHUNK_PARTS, ...EVENTS)
    .map((text) => Buffer.from(text)),
  fc.json().map((json) => Buffer.from(`data: ${json}\n\n`)),
)
const stream = fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.concat(pieces))

const options: fc.Arbitrary<SseRelayOptions> = fc.record({
  showUsage: fc.boolean(),
  choices: fc.integer({ min: 1, max: 2 }),
  skip: fc.constantFrom('', 'é', 'one two'),
})

/** What a relay makes of a stream that is cut at these places, up to its end or its error. */
function relayed(how: SseRelayOptions, bytes: Buffer, cuts: readonly number[]) {
  const relay = new SseRelay(how)
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
  places.sort((a, b) => a - b)
  const output: Buffer[] = []
  for (const [i, end] of places.slice(1).entries()) {
    if (relay.isDone) break
    try {
      output.push(...relay.push(bytes.subarray(places[i], end)))
    } catch (error) {
      expect(error).toBeInstanceOf(SseRelayError)
      const { code, message } = error as SseRelayError
      return { code, message }
    }
  }
  output.push(...relay.flush())
  const { contentEvents, finishReason, usage, isDone, isComplete } = relay
  const text = Buffer.concat(output).toString('latin1')
  return { text, contentEvents, finishReason, usage, isDone, isComplete }
}

describe('whatever an engine writes', () => {
  it('is relayed the same however it is cut, or refused by name', () => {
    fc.assert(
      fc.property(options, stream, fc.array(fc.nat(), { maxLength: 8 }), (how, bytes, cuts) => {
        expect(relayed(how, bytes, cuts)).toEqual(relayed(how, bytes, []))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('is relayed the same byte by byte', () => {
    fc.assert(
      fc.property(options, stream, (how, bytes) => {
        const everywhere = Array.from({ length: bytes.length }, (_, i) => i)
        expect(relayed(how, bytes, everywhere)).toEqual(relayed(how, bytes, []))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('counts no blank line as content, whatever comes after it', () => {
    const how = { showUsage: false, choices: 1, skip: '' }
    const bytes = Buffer.from('data: {"choices":[[]]}\n\n\r\n\r\n\0[DONE]')
    const everywhere = Array.from({ length: bytes.length }, (_, i) => i)
    expect(relayed(how, bytes, everywhere)).toEqual(relayed(how, bytes, []))
    expect(relayed(how, bytes, everywhere)).toMatchObject({ contentEvents: 0 })
  })

  it.each([
    ['in an error', (deep: string) => `{"error":${deep}}`],
    [
      'beside usage',
      (deep: string) =>
        `{"x":${deep},"choices":[{}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`,
    ],
    [
      'beside text to skip',
      (deep: string) => `{"x":${deep},"choices":[{"delta":{"content":"one"}}]}`,
    ],
  ])('may be nested however deep: %s', (_, chunk) => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const how = { showUsage: false, choices: 1, skip: 'one' }
    const outcome = relayed(how, Buffer.from(`data: ${chunk(deep)}\n\n`), [])
    expect(outcome).toHaveProperty('code')
  })

  it('is cut off when an event does not end', () => {
    for (const text of ['x'.repeat(16_384), 'data: x\n'.repeat(2_048), '['.repeat(16_384)]) {
      const relay = new SseRelay({ showUsage: true, choices: 1 })
      const chunk = Buffer.from(text)
      const feed = (): void => {
        for (let fed = 0; fed < 4 * MAX_EVENT_BYTES; fed += chunk.length) relay.push(chunk)
      }
      expect(feed).toThrow(expect.objectContaining({ code: 'event_too_large' }))
    }
  })
})
