import { describe, expect, it } from 'vitest'
import { enforceableSchema, SchemaError } from './enforceable-schema.ts'

const text = { type: 'string' }

describe('enforceable schemas', () => {
  it('keep what the grammar enforces and lose what only describes', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Person',
      type: 'object',
      properties: {
        name: { type: 'string', description: 'full', maxLength: 9, format: 'email' },
        born: { type: 'string', format: 'date' },
        tags: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 3 },
        age: { type: ['integer', 'null'] },
        title: text,
      },
      required: ['name'],
      additionalProperties: false,
    }
    expect(enforceableSchema(schema)).toEqual({
      type: 'object',
      properties: {
        name: { type: 'string', maxLength: 9 },
        born: { type: 'string', format: 'date' },
        tags: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 3 },
        age: { type: ['integer', 'null'] },
        title: text,
      },
      required: ['name'],
      additionalProperties: false,
    })
  })

  it('know anyOf and definitions by the generator’s names', () => {
    const schema = {
      anyOf: [text, { $ref: '#/definitions/node' }],
      definitions: { node: { type: 'array', items: { $ref: '#/definitions/node' } } },
    }
    expect(enforceableSchema(schema)).toEqual({
      oneOf: [text, { $ref: '#/$defs/node' }],
      $defs: { node: { type: 'array', items: { $ref: '#/$defs/node' } } },
    })
  })

  const deep = Array.from({ length: 100 }).reduce((items) => ({ type: 'array', items }), text)
  it.each([
    [{}, 'type'],
    [true, 'true'],
    [{ type: 'no such' }, 'no such'],
    [{ type: 'string', pattern: '^a+$' }, 'pattern'],
    [{ type: 'integer', minimum: 3 }, 'minimum'],
    [{ allOf: [text] }, 'type'],
    [{ anyOf: text }, 'anyOf'],
    [{ type: 'object', properties: { a: 5 } }, '5'],
    [{ type: ['object', 'null'] }, 'object'],
    [{ $ref: '#/$defs/none' }, 'leads nowhere'],
    [{ $ref: 'https://example.org/schema' }, 'leads nowhere'],
    [deep, 'deeper than'],
  ])('refuse %j', (schema, message) => {
    expect(() => enforceableSchema(schema)).toThrow(SchemaError)
    expect(() => enforceableSchema(schema)).toThrow(message)
  })
})
