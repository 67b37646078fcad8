import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonWalkError } from './json-walker.ts'
import { withoutMember } from './without-member.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const cut = (text: string): string => new TextDecoder().decode(withoutMember(encode(text), 'x'))

describe('withoutMember', () => {
  it.each([
    ['{"x":1}', '{}'],
    ['{"x":{"a":[1,"}"]},"b":2}', '{"b":2}'],
    ['{"a":1.0,"x":null}', '{"a":1.0}'],
    ['{"a":1,"x":",","b":"x"}', '{"a":1,"b":"x"}'],
    [' { "a" : 1e2 , "x" : [] ,\n "b" : 2 } ', '{ "a" : 1e2,\n "b" : 2}'],
    ['{"x":1,"a":{"x":2},"x":3}', '{"a":{"x":2}}'],
    ['\ufeff{"x":1,"a":2}', '{"a":2}'],
  ])('of %s leaves %s', (body, rest) => {
    expect(cut(body)).toBe(rest)
  })

  it('leaves every byte where there is none', () => {
    const body = encode(' {"a":{"x":1}, "xx":2,"y":"x"}\n')
    expect(withoutMember(body, 'x')).toBe(body)
  })

  it('is what leaving it out of the object is', () => {
    const object = fc.dictionary(fc.constantFrom('x', 'a', 'b', ',', '{'), fc.jsonValue())
    fc.assert(
      fc.property(object, fc.constantFrom(0, 1), (value, space) => {
        const { x: _, ...rest } = value
        expect(JSON.parse(cut(JSON.stringify(value, null, space)))).toEqual(
          JSON.parse(JSON.stringify(rest)),
        )
      }),
    )
  })

  it('is of objects', () => {
    expect(() => cut('["x"]')).toThrow(JsonWalkError)
  })
})
