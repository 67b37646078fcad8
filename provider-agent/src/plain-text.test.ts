import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainJson, plainLines, plainText, plainTexts } from './plain-text.ts'

/** What a terminal would do something for. */
const isControl = (letter: string): boolean => {
  const code = letter.codePointAt(0) ?? 0
  const marks = [0x61c, 0x200e, 0x200f].includes(code)
  const turns = marks || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || turns
}

describe('a text of others', () => {
  it.each([
    ['plain words, ünïcödé and 你好 🙂', 'plain words, ünïcödé and 你好 🙂'],
    ['\u001B[2J\u001B[31mred', '  red'],
    ['\u001B]0;title\u0007after', ' after'],
    ['one\r\ntwo', 'one  two'],
    ['\u009B31mred', ' 31mred'],
    ['moc.evil\u202Egood', 'moc.evil good'],
    ['1\u200F:2\u061C\u200E', '1 :2  '],
  ])('is shown as it stands: %j', (text, shown) => {
    expect(plainText(text)).toBe(shown)
  })

  it('has no command for a terminal left, and a bounded length', () => {
    const letters = fc.string({ unit: 'binary', maxLength: 200 })
    const escapes = fc.constantFrom(
      '\u001B[',
      '\u001B]',
      '\u0007',
      '\u009B',
      '\n',
      '\u202E',
      '\u200F',
      'm',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(letters, escapes)), (parts) => {
        const shown = plainText(parts.join(''))
        expect([...shown].filter(isControl)).toEqual([])
        expect(plainText(shown)).toBe(shown)
      }),
    )
    expect(plainText('x'.repeat(1e7)).length).toBeLessThan(5_000)
  })

  it('is cleaned wherever it stands, and all else is left alone', () => {
    const value = { a: ['\u0007', { b: 'x\ny' }], c: 1, d: null, e: undefined, f: true }
    expect(plainTexts(value)).toEqual({ ...value, a: [' ', { b: 'x y' }] })
  })

  it('may be among lines of ours', () => {
    expect(plainLines('one\n\u0007two')).toBe('one\n two')
  })

  it('is the same in JSON, written so that a terminal shows it', () => {
    const value = { text: '\u001B[2J\u009B\u007F\u202E\u200F' }
    const json = plainJson(value)
    expect([...json].filter(isControl)).toEqual([])
    expect(JSON.parse(json)).toEqual(value)
  })
})
