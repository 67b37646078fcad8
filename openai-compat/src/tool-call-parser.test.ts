import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, type Cuts, cuts } from '../test/chunking.ts'
import type { ToolCall } from './chat-types.ts'
import { MAX_TOOL_CALL_CHARS, ToolCallParser } from './tool-call-parser.ts'

function run(text: string, at: Cuts = []): { text: string; calls: ToolCall[] } {
  let ids = 0
  const parser = new ToolCallParser(() => `call_${ids++}`)
  const outputs = [...chunked(text, at).flatMap((piece) => parser.push(piece)), ...parser.flush()]
  const calls = outputs.flatMap((output) => (output.type === 'tool_call' ? [output.call] : []))
  expect(parser.calls).toBe(calls.length)
  expect(outputs.flatMap((o) => (o.type === 'tool_call' ? [o.index] : []))).toEqual([
    ...calls.keys(),
  ])
  return { text: outputs.map((o) => (o.type === 'text' ? o.text : '')).join(''), calls }
}

const call = (id: number, name: string, args: string): ToolCall => ({
  id: `call_${id}`,
  type: 'function',
  function: { name, arguments: args },
})
const tagged = (json: string): string => `<tool_call>\n${json}\n</tool_call>`
/** JSON of so many characters that is no call. */
const body = (length: number): string => `"${'x'.repeat(length - 2)}"`
const weather = '{"name": "weather", "arguments": {"city": "Bern"}}'

describe('ToolCallParser', () => {
  it.each<[string, string, string, ToolCall[]]>([
    ['plain text', 'Hello <b>there</b>\n', 'Hello <b>there</b>\n', []],
    ['one call', tagged(weather), '', [call(0, 'weather', '{"city":"Bern"}')]],
    [
      'text before',
      `Let me see.\n${tagged(weather)}`,
      'Let me see.',
      [call(0, 'weather', '{"city":"Bern"}')],
    ],
    [
      'two calls',
      `${tagged(weather)}\n${tagged('{"name":"time","arguments":{}}')}\n`,
      '',
      [call(0, 'weather', '{"city":"Bern"}'), call(1, 'time', '{}')],
    ],
    [
      'arguments as text',
      tagged('{"name":"f","arguments":"{\\"a\\":1}"}'),
      '',
      [call(0, 'f', '{"a":1}')],
    ],
    ['no arguments', tagged('{"name":"f"}'), '', [call(0, 'f', '{}')]],
    ['no closing tag', `<tool_call>${weather}`, '', [call(0, 'weather', '{"city":"Bern"}')]],
    ['broken JSON', tagged('{"name":'), tagged('{"name":'), []],
    ['no name', tagged('{"arguments":{}}'), tagged('{"arguments":{}}'), []],
    ['cut in the middle', 'Hm. <tool_call>{"name": "wea', 'Hm. <tool_call>{"name": "wea', []],
    ['half a tag at the end', 'a <tool_', 'a <tool_', []],
    ['text after', `${tagged('{"name":"f"}')} Done.`, ' Done.', [call(0, 'f', '{}')]],
  ])('reads %s', (_name, input, text, calls) => {
    expect(run(input)).toEqual({ text, calls })
  })

  it('does not delay text that cannot become a tag', () => {
    const parser = new ToolCallParser(() => 'x')
    expect(parser.push('a < b')).toEqual([{ type: 'text', text: 'a < b' }])
    expect(parser.push(' <tool')).toEqual([])
    expect(parser.push('box>')).toEqual([{ type: 'text', text: ' <toolbox>' }])
  })

  it('does not depend on how the text is cut', () => {
    const piece = fc.constantFrom(
      'Hello',
      ' ',
      '\n',
      '<',
      '<tool',
      '<tool_call>',
      '</tool_call>',
      tagged(weather),
      '{"name":"f","arguments":{"x":"</b>"}}',
      'é🐈',
    )
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(text, cuts, (whole, at) => {
        const { text, calls } = run(whole, at)
        expect({ text, calls }).toEqual(run(whole))
        if (calls.length === 0) expect(text).toBe(whole)
      }),
      { numRuns: 500 },
    )
  })

  it('gives up on a call without end, however it is cut', () => {
    const fits = `<tool_call>${body(MAX_TOOL_CALL_CHARS)}</tool_call> ok`
    const tooLong = `<tool_call>${body(MAX_TOOL_CALL_CHARS + 1)}</tool_call> ok`
    for (const text of [fits, tooLong]) {
      for (const at of [[], [0.1, 0.5], [0.9999]])
        expect(run(text, at)).toEqual({ text, calls: [] })
    }
    const parser = new ToolCallParser(() => 'x')
    parser.push('<tool_call>')
    const outputs = parser.push('x'.repeat(MAX_TOOL_CALL_CHARS + 100))
    expect(outputs).toHaveLength(2)
  })
})
