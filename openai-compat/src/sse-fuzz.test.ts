import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, cuts } from '../test/chunking.ts'
import { ChunkScanner } from './chunk-scanner.ts'
import { JsonWalkError } from './json-walker.ts'
import { SseDecoder, SseTooLargeError } from './sse-decoder.ts'
import { SseFilter, type Verdict } from './sse-filter.ts'
import { StreamMeter } from './stream-meter.ts'

const encoder = new TextEncoder()
const NUM_RUNS = 1_000

const FIELDS = ['data: ', 'data:', 'data', 'event: error\n', 'id: 1\n', 'retry: 1\n', ': comment\n']
const LINE_ENDS = ['\n', '\r', '\r\n', '\n\n', '\r\n\r\n', '\r\r', '\ufeff', '\0']
const JSON_PARTS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  ',',
  ':',
  'null',
  '1e999',
  '-',
  '\\u12',
  '\\ud800',
]
const CHUNK_PARTS = [
  '{"choices":[',
  '{"delta":{"content":"',
  '"}',
  '"finish_reason":"stop"',
  '"index":0',
  '{"index":1e9}',
  '{"index":-1}',
  '"usage":{}',
  '"error":{}',
  '"choices":1,"choices":[]',
  '[DONE]',
]
const EVENTS = [
  'data: [DONE]\n\n',
  'data: {"id":"a","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"é🐈"}}]}\n\n',
  'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
  'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n',
  'data: {"error":{"message":"no"}}\n\n',
]

/** Pieces that readers of a stream have reasons to trip over. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc
    .constantFrom(...FIELDS, ...LINE_ENDS, ...JSON_PARTS, ...CHUNK_PARTS, ...EVENTS)
    .map((text) => encoder.encode(text)),
  fc.json().map((json) => encoder.encode(`data: ${json}\n\n`)),
)
const stream = fc.array(piece, { maxLength: 12 }).map(join)

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const one of pieces) {
    out.set(one, at)
    at += one.length
  }
  return out
}

const MAX_EVENT_BYTES = 64

/** What a decoder makes of pieces; too large an event ends it. */
function decoded(pieces: readonly Uint8Array[]): unknown[] {
  const decoder = new SseDecoder(MAX_EVENT_BYTES)
  const seen: unknown[] = []
  for (const bytes of pieces) {
    try {
      seen.push(...decoder.push(bytes))
    } catch (error) {
      expect(error).toBeInstanceOf(SseTooLargeError)
      return ['too large']
    }
  }
  return seen
}

function filtered(pieces: readonly Uint8Array[]) {
  const judged: string[] = []
  const verdicts: Verdict[] = ['pass', 'drop', encoder.encode('data: x\n\n'), 'pass', 'end']
  const filter = new SseFilter((buffer, start, end) => {
    judged.push(buffer.subarray(start, end).join())
    return verdicts[judged.length % verdicts.length] ?? 'pass'
  }, MAX_EVENT_BYTES)
  // A copy: what comes out may be a view of what went in, valid until the next push.
  const out = join(pieces.map((bytes) => filter.push(bytes).slice()))
  return { out, judged, fault: filter.fault }
}

function metered(pieces: readonly Uint8Array[], endpoint: 'chat.completions' | 'completions') {
  const meter = new StreamMeter({ endpoint, choices: 2, collectText: true })
  const out = join(pieces.map((bytes) => meter.push(bytes).slice()))
  const { legs, head, done, fault, finishReasons, error, obstacle, complete } = meter
  return { out, legs, head, done, fault, finishReasons, error, obstacle, complete }
}

describe('any bytes, cut anywhere', () => {
  it('are the same events to the decoder, or too large', () => {
    fc.assert(
      fc.property(stream, cuts, (bytes, at) => {
        expect(decoded(chunked(bytes, at))).toEqual(decoded([bytes]))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('are the same to the filter', () => {
    fc.assert(
      fc.property(stream, cuts, (bytes, at) => {
        expect(filtered(chunked(bytes, at))).toEqual(filtered([bytes]))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('are the same to the meter, and what it delivers is whole events', () => {
    const endpoint = fc.constantFrom('chat.completions' as const, 'completions' as const)
    fc.assert(
      fc.property(endpoint, stream, cuts, (kind, bytes, at) => {
        const whole = metered([bytes], kind)
        expect(metered(chunked(bytes, at), kind)).toEqual(whole)
        const text = new TextDecoder().decode(whole.out)
        expect(text === '' || /\n\r?\n$|^\r?\n$/.test(text)).toBe(true)
        expect(whole.out.length).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('are read byte by byte as in one piece', () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        const single = [...bytes].map((byte) => Uint8Array.of(byte))
        expect(decoded(single)).toEqual(decoded([bytes]))
        expect(filtered(single)).toEqual(filtered([bytes]))
        expect(metered(single, 'completions')).toEqual(metered([bytes], 'completions'))
      }),
      { numRuns: NUM_RUNS },
    )
  })
})

describe('the scanner', () => {
  it('ends on any bytes with a count or its own error, and counts no more than there is', () => {
    const endpoint = fc.constantFrom('chat.completions' as const, 'completions' as const)
    fc.assert(
      fc.property(endpoint, stream, fc.nat({ max: 40 }), (kind, bytes, from) => {
        const scanner = new ChunkScanner(kind)
        const start = Math.min(from, bytes.length)
        try {
          scanner.scan(bytes, start, bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(JsonWalkError)
          return
        }
        expect(scanner.textBytes).toBeLessThanOrEqual(bytes.length - start)
        expect(scanner.contentEnd).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('agrees with JSON.parse about what is said', () => {
    const text = fc.string({ unit: 'binary', maxLength: 8 })
    const chunk = fc.record({
      choices: fc.array(
        fc.record({ index: fc.nat({ max: 9 }), delta: fc.record({ content: text }) }),
        {
          maxLength: 3,
        },
      ),
      extra: fc.jsonValue({ maxDepth: 3 }),
    })
    fc.assert(
      fc.property(chunk, (value) => {
        const bytes = encoder.encode(JSON.stringify(value))
        const scanner = new ChunkScanner()
        scanner.scan(bytes, 0, bytes.length)
        expect(scanner.choices).toBe(value.choices.length)
        const said = value.choices.map(({ delta }) => decodedLength(delta.content))
        expect(scanner.textBytes).toBe(said.reduce((sum, length) => sum + length, 0))
      }),
      { numRuns: NUM_RUNS },
    )
  })
})

/** UTF-8 bytes as the scanner counts them: a half of a surrogate pair, which JSON escapes, has two. */
const decodedLength = (text: string): number =>
  encoder.encode(text).length - (text.match(/\p{Cs}/gu)?.length ?? 0)

/** Feeds `bytes` until `over` says that the reader has had enough; 64 MiB at most. */
function feed(bytes: Uint8Array, push: (bytes: Uint8Array) => void, over: () => boolean): number {
  let fed = 0
  while (!over() && fed < 64 * 1024 * 1024) {
    push(bytes)
    fed += bytes.length
  }
  return fed
}

describe('an endless stream', () => {
  const MIB = 1024 * 1024
  const endless: [string, string][] = [
    ['a line without end', 'x'.repeat(16_384)],
    ['data without end', `data: ${'x'.repeat(16_000)}`],
    ['comments without a blank line', `: ${'x'.repeat(1_000)}\n`],
    ['open brackets', '['.repeat(16_384)],
  ]

  it.each(endless)('is cut by the meter at about a mebibyte: %s', (_, text) => {
    const meter = new StreamMeter()
    const bytes = encoder.encode(text)
    let out = 0
    const fed = feed(
      bytes,
      (piece_) => (out += meter.push(piece_).length),
      () => meter.fault !== undefined,
    )
    expect(fed).toBeLessThan(2 * MIB)
    expect(out).toBe(0)
  })

  it.each([endless[0]!, endless[1]!, endless[3]!, ['lines of data', `data: ${'x'.repeat(999)}\n`]])(
    'is cut by the decoder at about a mebibyte: %s',
    (_, text) => {
      const decoder = new SseDecoder()
      let thrown: unknown
      const push = (bytes: Uint8Array): void => {
        try {
          decoder.push(bytes)
        } catch (error) {
          thrown = error
        }
      }
      const fed = feed(encoder.encode(text), push, () => thrown !== undefined)
      expect(thrown).toBeInstanceOf(SseTooLargeError)
      expect(fed).toBeLessThan(2 * MIB)
    },
  )
})
