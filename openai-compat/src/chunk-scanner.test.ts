import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkScanError, ChunkScanner, type FinishedChoice } from './chunk-scanner.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

interface Facts {
  textBytes: number
  choices: number
  finished: readonly FinishedChoice[]
  usage: string
  error: string
}

/** Scans the text from the middle of a larger buffer, as the meter does. */
function scan(json: string): Facts {
  const bytes = encoder.encode(`data: ${json}\n\n`)
  const scanner = new ChunkScanner()
  scanner.scan(bytes, 6, bytes.length - 2)
  return {
    textBytes: scanner.textBytes,
    choices: scanner.choices,
    finished: scanner.finished,
    usage: decoder.decode(bytes.subarray(scanner.usageStart, scanner.usageEnd)),
    error: decoder.decode(bytes.subarray(scanner.errorStart, scanner.errorEnd)),
  }
}

const nothing: Facts = { textBytes: 0, choices: 0, finished: [], usage: '', error: '' }
const delta = (fields: string): string => `{"choices":[{"index":0,"delta":{${fields}}}]}`

describe('ChunkScanner', () => {
  it.each<[string, Partial<Facts>]>([
    ['{}', {}],
    [' { } ', {}],
    ['{"choices":[]}', {}],
    ['{"choices":null}', {}],
    ['{"choices":[{"delta":null,"finish_reason":null}]}', { choices: 1 }],
    [
      '{"choices":[{"finish_reason":"stop"}]}',
      { choices: 1, finished: [{ index: 0, reason: 'stop' }] },
    ],
    [
      '{"choices":[{"finish_reason":"stop"},{"finish_reason": "length" , "index":12}]}',
      {
        choices: 2,
        finished: [
          { index: 0, reason: 'stop' },
          { index: 12, reason: 'length' },
        ],
      },
    ],
    ['{"usage":{"prompt_tokens":1},"choices":[]}', { usage: '{"prompt_tokens":1}' }],
    ['{"usage":null}', {}],
    ['{"error":null}', {}],
    ['{"error":{"message":"x"}}', { error: '{"message":"x"}' }],
    ['{"error":"x"}', { error: '"x"' }],
    [delta('"content":"hello"'), { choices: 1, textBytes: 5 }],
    [delta('"content":null'), { choices: 1 }],
    [delta('"content":["hello"]'), { choices: 1 }],
    [delta('"role":"assistant","content":""'), { choices: 1 }],
    [
      delta('"content":"a","reasoning":"b","reasoning_content":"c","refusal":"d"'),
      { choices: 1, textBytes: 4 },
    ],
    [
      delta('"tool_calls":[{"id":"call_1","function":{"name":"f","arguments":"{}"}}]'),
      { choices: 1, textBytes: 3 },
    ],
    [delta('"function_call":{"name":"f","arguments":"{}"}'), { choices: 1, textBytes: 3 }],
  ])('%s', (json, facts) => {
    expect(scan(json)).toEqual({ ...nothing, ...facts })
  })

  it('counts text where clients read it, and nowhere else', () => {
    const hidden = `{"content":"hidden","choices":[{"delta":{"x":{"content":"hidden"},"content":"a"},
      "message":{"content":"hidden"},"logprobs":{"content":[{"token":"hidden"}]}}],
      "usage_":{"x":1},"nested":{"usage":{},"error":{},"choices":[{"delta":{"content":"no"}}]}}`
    expect(scan(hidden.replaceAll('\n', ''))).toEqual({ ...nothing, choices: 1, textBytes: 1 })
  })

  it('is not fooled by text that looks like structure', () => {
    const text = '"}]},"usage":{"a":1},"error":{},"finish_reason":"stop","content":"\\'
    const json = JSON.stringify({ choices: [{ delta: { content: text } }] })
    expect(scan(json)).toEqual({ ...nothing, choices: 1, textBytes: text.length })
  })

  it('counts decoded bytes, so that escapes inflate nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = [...text]
          .map((char) =>
            Array.from(
              { length: char.length },
              (_, i) => String.raw`\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`,
            ).join(''),
          )
          .join('')
        const length = encoder.encode(text).length
        expect(scan(delta(`"content":${JSON.stringify(text)}`)).textBytes).toBe(length)
        expect(scan(delta(`"content":"${escaped}"`)).textBytes).toBe(length)
      }),
    )
  })

  it('steps over any JSON, however deep', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(
          scan(`{"x":${json},"choices":[{"y":${json},"delta":{"z":${json},"content":"a"}}]}`),
        ).toEqual({
          ...nothing,
          choices: 1,
          textBytes: 1,
        })
      }),
    )
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(scan(`{"x":${deep}}`)).toEqual(nothing)
  })

  it.each([
    '',
    '[',
    '{',
    '{"a"}',
    '{"a":}',
    '{"a":1',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '{"a":"x}',
    '{a:1}',
    '{} {}',
    '{"choices":[}',
    '{"choices":[{},]}',
    '{"a":]}',
    '{"a":"x\ty"}',
    '{"a":"x\\"}',
  ])('refuses %s', (json) => {
    expect(() => scan(json)).toThrow(ChunkScanError)
  })

  it('ends on any bytes, and reads nothing outside its range', () => {
    const junk = fc.string({ unit: fc.constantFrom(...'{}[]",:\\ue1 choicesdelta'), maxLength: 40 })
    fc.assert(
      fc.property(junk, (text) => {
        try {
          scan(text)
        } catch (error) {
          expect(error).toBeInstanceOf(ChunkScanError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
