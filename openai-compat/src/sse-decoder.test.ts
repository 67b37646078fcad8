import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, type Cuts, cuts } from '../test/chunking.ts'
import { SseDecoder, type SseEvent, SseTooLargeError } from './sse-decoder.ts'
import { doneEvent, commentEvent, encodeData } from './sse-encoder.ts'

const encoder = new TextEncoder()

function decode(bytes: Uint8Array, at: Cuts = []): SseEvent[] {
  const decoder = new SseDecoder()
  return chunked(bytes, at).flatMap((chunk) => decoder.push(chunk))
}

const data = (text: string): SseEvent[] => decode(encoder.encode(text))
const message = (...lines: string[]): SseEvent[] =>
  lines.map((line) => ({ event: 'message', data: line }))

describe('SseDecoder', () => {
  it.each<[string, string, SseEvent[]]>([
    ['LF', 'data: a\n\ndata: b\n\n', message('a', 'b')],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', message('a', 'b')],
    ['CR', 'data: a\r\rdata: b\r\r', message('a', 'b')],
    ['mixed', 'data: a\r\n\ndata: b\n\r\n', message('a', 'b')],
    ['several data lines', 'data: a\ndata:\ndata: b\n\n', message('a\n\nb')],
    ['one space only is stripped', 'data:  a\n\ndata:b\n\n', message(' a', 'b')],
    ['comments', ': hi\n\ndata: a\n: there\n\n', message('a')],
    [
      'a name',
      'event: error\ndata: a\n\ndata: b\n\n',
      [{ event: 'error', data: 'a' }, ...message('b')],
    ],
    ['a name without data', 'event: error\n\ndata: b\n\n', message('b')],
    ['a field without colon', 'data\n\n', message('')],
    ['id and retry', 'id: 1\nretry: 5\ndata: a\n\n', message('a')],
    ['a byte order mark', '\ufeffdata: a\n\n', message('a')],
    ['a byte order mark later on', 'data: \ufeffa\n\n', message('\ufeffa')],
    ['an event that was cut', 'data: a\n\ndata: b\n', message('a')],
  ])('reads %s', (_name, text, events) => {
    expect(data(text)).toEqual(events)
  })

  it('reads what the encoder writes', () => {
    const value = { text: 'line\nbreak\r, 🐈 and "quotes"' }
    const bytes = [encodeData(value), commentEvent('still\nhere'), doneEvent()]
    const decoder = new SseDecoder()
    const events = bytes.flatMap((piece) => decoder.push(piece))
    expect(events).toEqual(message(JSON.stringify(value), '[DONE]'))
  })

  it('gives the same events for any cut of the same bytes', () => {
    const line = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text}`),
      fc.constantFrom('', '', 'event: x', ': comment', 'data', 'id: 7', '🐈', '\ufeff'),
    )
    const stream = fc
      .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 30 })
      .map((lines) => encoder.encode(lines.flat().join('')))
    fc.assert(
      fc.property(stream, cuts, (bytes, at) => {
        expect(decode(bytes, at)).toEqual(decode(bytes))
      }),
      { numRuns: 300 },
    )
  })

  it('refuses an event that outgrows its limit, in one line or in many', () => {
    const text = 'data: 0123456789\n'
    expect(() => new SseDecoder(16).push(encoder.encode(text))).not.toThrow()
    expect(() => new SseDecoder(15).push(encoder.encode(text))).toThrow(SseTooLargeError)
    expect(() => new SseDecoder(15).push(encoder.encode('data: 0123456789'))).toThrow(
      SseTooLargeError,
    )
    expect(() => new SseDecoder(100).push(encoder.encode(text.repeat(7)))).toThrow(SseTooLargeError)
    expect(() => new SseDecoder(100).push(encoder.encode(`${text}\n`.repeat(70)))).not.toThrow()
    expect(() => new SseDecoder(100).push(encoder.encode('data\n'.repeat(30)))).toThrow(
      SseTooLargeError,
    )
  })
})
