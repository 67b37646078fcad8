import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkScanner, type FinishedChoice } from './chunk-scanner.ts'
import { JsonWalkError } from './json-walker.ts'
import type { StreamEndpoint } from './stream-endpoint.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

interface Facts {
  textBytes: number
  choices: number
  /** The raw plain text. */
  content: string
  otherOutput: boolean
  finished: readonly FinishedChoice[]
  usage: string
  error: string
}

/** Scans the text from the middle of a larger buffer, as the meter does. */
function scan(json: string, endpoint: StreamEndpoint = 'chat.completions'): Facts {
  const bytes = encoder.encode(`data: ${json}\n\n`)
  const scanner = new ChunkScanner(endpoint)
  scanner.scan(bytes, 6, bytes.length - 2)
  return {
    textBytes: scanner.textBytes,
    choices: scanner.choices,
    content: decoder.decode(bytes.subarray(scanner.contentStart, scanner.contentEnd)),
    otherOutput: scanner.otherOutput,
    finished: scanner.finished,
    usage: decoder.decode(bytes.subarray(scanner.usageStart, scanner.usageEnd)),
    error: decoder.decode(bytes.subarray(scanner.errorStart, scanner.errorEnd)),
  }
}

const nothing: Facts = {
  textBytes: 0,
  choices: 0,
  content: '',
  otherOutput: false,
  finished: [],
  usage: '',
  error: '',
}
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
    [delta('"content":"hello"'), { choices: 1, textBytes: 5, content: 'hello' }],
    [delta('"content":null'), { choices: 1 }],
    [delta('"content":["hello"]'), { choices: 1, otherOutput: true }],
    [delta('"role":"assistant","content":""'), { choices: 1 }],
    [
      delta('"content":"a","reasoning":"b","reasoning_content":"c","refusal":"d"'),
      { choices: 1, textBytes: 4, content: 'a', otherOutput: true },
    ],
    [
      delta('"content":"a\\u00e9\\n"'),
      { choices: 1, textBytes: 4, content: String.raw`a\u00e9\n` },
    ],
    [
      delta('"content":"","refusal":null,"tool_calls":[],"audio":{},"function_call":false'),
      { choices: 1 },
    ],
    [delta('"audio":{"transcript":"x"}'), { choices: 1, otherOutput: true }],
    [delta('"vendor":1'), { choices: 1, otherOutput: true }],
    [
      delta('"tool_calls":[{"id":"call_1","function":{"name":"f","arguments":"{}"}}]'),
      { choices: 1, textBytes: 3, otherOutput: true },
    ],
    [
      delta('"function_call":{"name":"f","arguments":"{}"}'),
      { choices: 1, textBytes: 3, otherOutput: true },
    ],
  ])('%s', (json, facts) => {
    expect(scan(json)).toEqual({ ...nothing, ...facts })
  })

  it.each<[string, Partial<Facts>]>([
    [
      '{"choices":[{"text":"hé","index":0,"logprobs":null,"finish_reason":null}]}',
      { choices: 1, textBytes: 3, content: 'hé' },
    ],
    [
      '{"choices":[{"text":"","index":1,"finish_reason":"length"}]}',
      { choices: 1, finished: [{ index: 1, reason: 'length' }] },
    ],
    [
      '{"choices":[{"delta":{"content":"hidden"},"text":"a"}]}',
      { choices: 1, textBytes: 1, content: 'a' },
    ],
    ['{"choices":[],"usage":{}}', { usage: '{}' }],
  ])('completions: %s', (json, facts) => {
    expect(scan(json, 'completions')).toEqual({ ...nothing, ...facts })
  })

  it('counts text where clients read it, and nowhere else', () => {
    const hidden = `{"content":"hidden","choices":[{"delta":{"x":{"content":"hidden"},"content":"a"},
      "text":"hidden","message":{"content":"hidden"},"logprobs":{"content":[{"token":"hidden"}]}}],
      "usage_":{"x":1},"nested":{"usage":{},"error":{},"choices":[{"delta":{"content":"no"}}]}}`
    expect(scan(hidden.replaceAll('\n', ''))).toEqual({
      ...nothing,
      choices: 1,
      textBytes: 1,
      content: 'a',
      otherOutput: true,
    })
  })

  it('is not fooled by text that looks like structure', () => {
    const text = '"}]},"usage":{"a":1},"error":{},"finish_reason":"stop","content":"\\'
    const json = JSON.stringify({ choices: [{ delta: { content: text } }] })
    expect(scan(json)).toEqual({
      ...nothing,
      choices: 1,
      textBytes: text.length,
      content: JSON.stringify(text).slice(1, -1),
    })
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
        ).toMatchObject({ choices: 1, textBytes: 1, content: 'a', usage: '', error: '' })
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
    '{"a":\r1}',
    '{"\\u0061":1}',
    '{"choices":[],"choices":[]}',
    '{"choices":[{"index":0,"index":1}]}',
    '{"choices":[{"finish_reason":null,"finish_reason":"stop"}]}',
    '{"choices":[{"delta":{},"delta":{}}]}',
    delta('"content":"long","content":"a"'),
    delta('"content":"long","cont\\u0065nt":"a"'),
    delta('"function_call":{"name":"long","name":"a"}'),
    delta('"tool_calls":[{"function":{"arguments":"long","arguments":"a"}}]'),
    delta('"content":"\\x"'),
    delta('"content":"\\u12"'),
    delta('"content":"\\u12g4"'),
  ])('refuses %s', (json) => {
    expect(() => scan(json)).toThrow(JsonWalkError)
  })

  it('ends on any bytes, and reads nothing outside its range', () => {
    const junk = fc.string({ unit: fc.constantFrom(...'{}[]",:\\ue1 choicesdelta'), maxLength: 40 })
    fc.assert(
      fc.property(junk, (text) => {
        try {
          scan(text)
        } catch (error) {
          expect(error).toBeInstanceOf(JsonWalkError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
