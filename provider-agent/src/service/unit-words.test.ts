import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  execWord,
  pathWord,
  plainPath,
  programWord,
  settingWord,
  UnitWordError,
} from './unit-words.ts'

/**
 * systemd's side, written from systemd.syntax(7), systemd.service(5) and systemd.exec(5), and compared
 * with a running systemd 252.
 */
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/** Splits at spaces, undoes quotation marks and escapes; undefined where systemd drops the line. */
function words(line: string): string[] | undefined {
  const found: string[] = []
  const bytes: number[] = []
  let quote = ''
  let isWord = false
  const end = (): void => {
    if (isWord) found.push(Buffer.from(bytes).toString())
    bytes.length = 0
    isWord = false
  }
  for (let at = 0; at < line.length; at++) {
    const char = String.fromCodePoint(line.codePointAt(at) ?? 0)
    at += char.length - 1
    if (char === '\\') {
      const hex = /^x([0-9a-f]{2})/i.exec(line.slice(at + 1))
      const plain = ESCAPES[line[at + 1] ?? '']
      if (hex === null && plain === undefined) return undefined
      bytes.push(...(hex === null ? Buffer.from(plain ?? '') : [Number.parseInt(hex[1] ?? '', 16)]))
      at += hex === null ? 1 : 3
      isWord = true
    } else if (quote === '' && (char === '"' || char === "'")) {
      quote = char
      isWord = true
    } else if (char === quote) quote = ''
    else if (quote === '' && char === ' ') end()
    else {
      bytes.push(...Buffer.from(char))
      isWord = true
    }
  }
  if (quote !== '') return undefined
  end()
  return found
}

/** Undefined where a specifier would be expanded. */
function specifiers(text: string): string | undefined {
  if (/%/.test(text.replaceAll('%%', ''))) return undefined
  return text.replaceAll('%%', '%')
}

/** Undefined where a variable would be expanded. */
function variables(text: string): string | undefined {
  if (/\$/.test(text.replaceAll('$$', ''))) return undefined
  return text.replaceAll('$$', '$')
}

/** `BindReadOnlyPaths=`: quotation marks go first, and backslashes only when it is split at colons. */
function boundPaths(line: string): string[] {
  const [, quoted, bare] = /^(?:"([^"']*)"|([^"' ]*))$/.exec(line) ?? []
  const text = quoted ?? bare ?? ''
  const parts = ['']
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (char === '\\') parts.push(`${parts.pop()}${text[++at]}`)
    else if (char === ':' || char === ' ') parts.push('')
    else parts.push(`${parts.pop()}${char}`)
  }
  return parts
}

const strange = fc.string({
  unit: fc.constantFrom(...'ab x0n\\"\'$%{}:;#&|<>()[]*?~!@^`=+-_./,äß€😀'),
  maxLength: 20,
})
const texts = fc
  .oneof(strange, fc.string({ unit: 'grapheme' }))
  .filter((text) => !/\p{Cc}/u.test(text))
const paths = texts.map((text) => `/p/${text}x`)

describe('the words of a unit file', () => {
  it('come out of ExecStart= as they went in, each one argument', () => {
    fc.assert(
      fc.property(paths, fc.array(texts, { minLength: 1, maxLength: 6 }), (program, args) => {
        const line = [programWord(program), ...args.map(execWord)].join(' ')
        const [path = '', ...rest] = words(line) ?? []
        expect(specifiers(path)).toBe(program)
        expect(rest.map((word) => variables(specifiers(word) ?? '%'))).toEqual(args)
        // A lone ; would begin another command, and these before a path change how it is run.
        expect(line).toMatch(/^\//)
        expect(line).not.toMatch(/(^|\s);(\s|$)/)
      }),
    )
  })

  it('come out of Environment= as they went in', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const line = settingWord(`NAME=${text}`)
        expect(words(line)?.map(specifiers)).toEqual([`NAME=${text}`])
      }),
    )
  })

  it('come out of BindReadOnlyPaths= as they went in, or are refused', () => {
    fc.assert(
      fc.property(paths, (path) => {
        if (/["']/.test(path)) expect(() => pathWord(path)).toThrow(UnitWordError)
        else expect(boundPaths(pathWord(path)).map(specifiers)).toEqual([path])
      }),
    )
  })

  it('come out of LoadCredential= as they went in, or are refused', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const path = `/p/${text}`
        if (/[\\ ]$/.test(path)) expect(() => plainPath(path)).toThrow(UnitWordError)
        else expect(specifiers(plainPath(path).replace(/^[ \t]+|[ \t]+$/g, ''))).toBe(path)
      }),
    )
  })

  it.each(['a\nExecStart=/bin/sh', 'a\0b', '\u007f', '\u{d800}'])('refuse %j', (text) => {
    for (const word of [execWord, settingWord, pathWord, plainPath])
      expect(() => word(text)).toThrow(UnitWordError)
  })
})
