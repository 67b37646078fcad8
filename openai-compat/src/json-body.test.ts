import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ApiError } from './api-error.ts'
import { MAX_JSON_DEPTH, MAX_JSON_KEYS, parseJsonBody } from './json-body.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const parse = (text: string): unknown => parseJsonBody(utf8(text))

function problem(bytes: Uint8Array): ApiError {
  try {
    parseJsonBody(bytes)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('was accepted')
}

const nested = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`
const keys = (count: number): string =>
  JSON.stringify({ a: Object.fromEntries(Array.from({ length: count }, (_, i) => [i, i])) })

/** Whether any object in it has the key. */
function hasKey(value: unknown, key: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, key) || Object.values(value).some((child) => hasKey(child, key))
}

describe('parseJsonBody', () => {
  it('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        fc.pre(!text.includes('__proto__'))
        expect(parse(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  it('skips a byte order mark', () => {
    expect(parseJsonBody(Uint8Array.of(0xef, 0xbb, 0xbf, ...utf8('{"a":1}')))).toEqual({ a: 1 })
  })

  it('takes the last of duplicate keys', () => {
    expect(parse('{"model":"a","n":[1],"model":"b","n":2}')).toEqual({ model: 'b', n: 2 })
  })

  it.each([
    ['{"__proto__":{"polluted":1},"a":1}', { a: 1 }],
    ['{"\\u005f_proto__":{"polluted":1},"a":1}', { a: 1 }],
    ['{"a":[{"__proto__":1,"b":{"__proto__":null}}]}', { a: [{ b: {} }] }],
    ['{"__proto__":1,"__proto__":{"polluted":1}}', {}],
  ])('drops the key __proto__: %s', (text, expected) => {
    const value = parse(text)
    expect(value).toEqual(expected)
    expect(hasKey(value, '__proto__')).toBe(false)
    expect((Object.assign({}, value) as { polluted?: unknown }).polluted).toBeUndefined()
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('keeps other keys that objects inherit as plain data', () => {
    const value = parse('{"constructor":{"prototype":{"polluted":1}},"toString":1}')
    expect(Object.keys(value as object)).toEqual(['constructor', 'toString'])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('rounds integers that doubles cannot hold, and keeps what they can', () => {
    expect(parse('[9007199254740993, 1e308, 1e-400, -0]')).toEqual([2 ** 53, 1e308, 0, -0])
  })

  it.each(['1e309', '[-1e400]', '{"a":{"b":1e99999}}', `[${'9'.repeat(400)}]`])(
    'refuses a number out of range: %s',
    (text) => {
      expect(problem(utf8(text))).toMatchObject({ status: 400, code: 'invalid_json' })
    },
  )

  it.each([
    ['', 'it is not complete'],
    ['{"model":', 'it is not complete'],
    ['{"model" "x"}', 'at position 9'],
    ['secret prompt', 'We could not parse'],
    ['{"a":1}{"b":2}', 'at position 7'],
    ["{'a':1}", 'at position 1'],
    ['{"a":NaN}', 'unexpected content'],
  ])('refuses %s', (text, message) => {
    const error = problem(utf8(text))
    expect(error).toMatchObject({ status: 400, code: 'invalid_json' })
    expect(error.message).toContain(message)
    expect(error.message).not.toContain('secret')
  })

  it.each([
    ['a stray byte', Uint8Array.of(0x22, 0xff, 0x22)],
    ['an overlong form', Uint8Array.of(0x22, 0xc0, 0xaf, 0x22)],
    ['a surrogate half', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ['a cut character', Uint8Array.of(0x22, 0xe2, 0x82)],
    ['UTF-16', Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0)],
  ])('refuses %s as invalid UTF-8', (_, bytes) => {
    expect(problem(bytes).message).toContain('not valid UTF-8')
  })

  it('allows nesting up to the limit', () => {
    expect(parse(nested(MAX_JSON_DEPTH))).toBeDefined()
    expect(problem(utf8(nested(MAX_JSON_DEPTH + 1))).message).toContain('nested')
  })

  it.each([
    ['[', ']'],
    ['{"a":', '}'],
  ])('refuses a hundred thousand times %s without overflowing the stack', (open, close) => {
    const text = `${open.repeat(100_000)}1${close.repeat(100_000)}`
    expect(problem(utf8(text)).message).toContain('nested')
  })

  it('bounds the keys of one object', () => {
    expect(parse(keys(MAX_JSON_KEYS))).toBeDefined()
    expect(problem(utf8(keys(MAX_JSON_KEYS + 1))).message).toContain(`${MAX_JSON_KEYS} keys`)
  })

  it('throws ApiError 400 or nothing, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.string().map(utf8)), (bytes) => {
        try {
          parseJsonBody(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError)
          expect(error).toMatchObject({ status: 400 })
        }
      }),
    )
  })
})
