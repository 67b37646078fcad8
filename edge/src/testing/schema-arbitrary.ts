import * as fc from 'fast-check'

type Schema = Readonly<Record<string, unknown>>

/** Longest string and list that is generated: bounds above it are the hand-written tests' matter. */
const MAX_LENGTH = 4
const MAX_DEPTH = 6

/** Values of a JSON Schema as zod writes them. `$ref`s are looked up in `components`. */
export function valid(schema: Schema, components: Schema, depth = 0): fc.Arbitrary<unknown> {
  if (typeof schema['$ref'] === 'string') {
    const name = schema['$ref'].split('/').at(-1) ?? ''
    return depth > MAX_DEPTH
      ? fc.constant(null)
      : valid(at(components, name), components, depth + 1)
  }
  if ('const' in schema) return fc.constant(schema['const'])
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...schema['enum'])
  const options = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(options)) {
    return fc.oneof(...options.map((option: Schema) => valid(option, components, depth + 1)))
  }
  if (Array.isArray(schema['allOf'])) {
    const parts = schema['allOf'].map((part: Schema) => valid(part, components, depth + 1))
    return fc.tuple(...parts).map((values) => Object.assign({}, ...values))
  }
  const types = Array.isArray(schema['type']) ? schema['type'] : [schema['type']]
  return fc.oneof(...types.map((type) => ofType(type, schema, components, depth)))
}

function ofType(
  type: unknown,
  schema: Schema,
  components: Schema,
  depth: number,
): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number':
      return numbers(schema, type === 'integer' || schema['multipleOf'] === 1)
    case 'string':
      return strings(schema)
    case 'array':
      return lists(schema, components, depth)
    case 'object':
      return objects(schema, components, depth)
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

function numbers(schema: Schema, whole: boolean): fc.Arbitrary<number> {
  const min = Math.max(numberAt(schema, 'minimum', -1000), Number.MIN_SAFE_INTEGER)
  const max = Math.min(numberAt(schema, 'maximum', Math.max(1000, min)), Number.MAX_SAFE_INTEGER)
  return whole ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true })
}

function strings(schema: Schema): fc.Arbitrary<string> {
  if (typeof schema['pattern'] === 'string') return fc.stringMatching(new RegExp(schema['pattern']))
  const minLength = numberAt(schema, 'minLength', 0)
  const maxLength = Math.min(numberAt(schema, 'maxLength', MAX_LENGTH), minLength + MAX_LENGTH)
  return fc.string({ unit: 'grapheme', minLength, maxLength: Math.max(minLength, maxLength) })
}

function lists(schema: Schema, components: Schema, depth: number): fc.Arbitrary<unknown[]> {
  const minLength = numberAt(schema, 'minItems', 0)
  const maxLength = Math.min(numberAt(schema, 'maxItems', MAX_LENGTH), minLength + MAX_LENGTH)
  return fc.array(valid(at(schema, 'items'), components, depth + 1), { minLength, maxLength })
}

function objects(schema: Schema, components: Schema, depth: number): fc.Arbitrary<object> {
  const fields = Object.entries(at(schema, 'properties')).map(
    ([key, field]) => [key, valid(field as Schema, components, depth + 1)] as const,
  )
  const requiredKeys = Array.isArray(schema['required']) ? schema['required'] : []
  const known = fc.record(Object.fromEntries(fields), { requiredKeys })
  const extra = schema['additionalProperties']
  if (extra === undefined || extra === false) return known
  const keys = 'propertyNames' in schema ? strings(at(schema, 'propertyNames')) : fc.string()
  const values = valid(
    typeof extra === 'object' ? at(schema, 'additionalProperties') : {},
    components,
    depth + 1,
  )
  const others = fc.dictionary(keys, values, { maxKeys: fields.length === 0 ? MAX_LENGTH : 1 })
  return fc.tuple(others, known).map(([more, own]) => ({ ...more, ...own }))
}

/** What clients must not send: wrong kinds, numbers at every edge, names that objects have. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, '', 0, -1, 1.5, 2 ** 53, 2 ** 63, -(2 ** 63), 1e308, true, [], {}),
  fc.constantFrom('\0', '\ud800', '__proto__', '../..', 'NaN', '%00', 'a'.repeat(300)),
  fc.constantFrom([[]], [null], [{}], { toString: 1 }, { constructor: { prototype: 1 } }),
  fc.jsonValue({ maxDepth: 3 }),
)

/** `value` with one place in it, chosen by `path`, replaced, removed or added to. */
function broken(value: unknown, path: readonly number[], junkValue: unknown, how: number): unknown {
  const [step, ...rest] = path
  if (step === undefined || typeof value !== 'object' || value === null) return junkValue
  const keys = Object.keys(value)
  const key = keys[step % Math.max(1, keys.length)]
  if (key === undefined) return junkValue
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...value }
  if (rest.length > 0) Reflect.set(copy, key, broken(Reflect.get(copy, key), rest, junkValue, how))
  else if (how === 0 && !Array.isArray(copy)) Reflect.deleteProperty(copy, key)
  else if (how === 1 && !Array.isArray(copy)) copy[`${key}_`] = junkValue
  else Reflect.set(copy, key, junkValue)
  return copy
}

/** Almost valid values: one place is wrong, maybe. */
export function invalid(schema: Schema, components: Schema): fc.Arbitrary<unknown> {
  const path = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 4 })
  return fc
    .tuple(valid(schema, components), path, junk, fc.nat({ max: 3 }))
    .map(([value, where, what, how]) => broken(value, where, what, how))
}

function at(schema: Schema, key: string): Schema {
  const value = schema[key]
  return typeof value === 'object' && value !== null ? (value as Schema) : {}
}

function numberAt(schema: Schema, key: string, otherwise: number): number {
  const value = schema[key]
  return typeof value === 'number' ? value : otherwise
}
