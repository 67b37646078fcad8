/** A schema asks for something that the grammar would silently not enforce. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly code = 'unsupported_schema'
}

type Schema = Readonly<Record<string, unknown>>

/** Levels of nesting; the grammar generator recurses. */
const MAX_DEPTH = 32

/** Keywords that say nothing about what is valid. `format` is one unless the grammar knows it. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'format',
])
const FORMATS: ReadonlySet<unknown> = new Set(['date-time', 'time', 'date'])
const SCALARS: ReadonlySet<unknown> = new Set(['string', 'number', 'integer', 'boolean', 'null'])

/** By the keyword or type that decides a schema's kind: what else it may say. */
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  $ref: ['$ref'],
  oneOf: ['oneOf'],
  anyOf: ['anyOf'],
  const: ['const', 'type'],
  enum: ['enum', 'type'],
  string: ['type', 'minLength', 'maxLength'],
  scalar: ['type'],
  object: [
    'type',
    'properties',
    'required',
    'additionalProperties',
    'minProperties',
    'maxProperties',
  ],
  array: ['type', 'items', 'prefixItems', 'minItems', 'maxItems'],
}

/**
 * A client's JSON Schema as node-llama-cpp's grammar generator understands it. That generator turns
 * what it does not know into `null` or anything at all without a word, so only what it enforces
 * gets through. Throws {@link SchemaError} that names the keyword.
 */
export function enforceableSchema(schema: unknown): Schema {
  const root = asSchema(schema)
  const defs = asSchema(root['$defs'] ?? root['definitions'] ?? {})
  const { $defs: _, definitions: __, ...rest } = root
  const names = new Set(Object.keys(defs))
  const converted = convert(rest, names, 0)
  if (names.size === 0) return converted
  return { ...converted, $defs: mapValues(defs, (def) => convert(def, names, 1)) }
}

function convert(value: unknown, defs: ReadonlySet<string>, depth: number): Schema {
  if (depth > MAX_DEPTH) throw new SchemaError(`it is nested deeper than ${MAX_DEPTH} levels`)
  const schema = asSchema(value)
  const kind = kindOf(schema)
  const { format } = schema
  const kept: Record<string, unknown> = kind === 'string' && FORMATS.has(format) ? { format } : {}
  for (const [keyword, content] of Object.entries(schema)) {
    if (ANNOTATIONS.has(keyword)) continue
    if (!KEYWORDS[kind]?.includes(keyword)) {
      throw new SchemaError(`'${keyword}' is not supported here`)
    }
    kept[keyword === 'anyOf' ? 'oneOf' : keyword] = convertKeyword(keyword, content, defs, depth)
  }
  return kept
}

function convertKeyword(
  keyword: string,
  content: unknown,
  defs: ReadonlySet<string>,
  depth: number,
): unknown {
  const inner = (value: unknown): Schema => convert(value, defs, depth + 1)
  switch (keyword) {
    case 'properties':
      return mapValues(asSchema(content), inner)
    case 'items':
      return inner(content)
    case 'additionalProperties':
      return typeof content === 'boolean' ? content : inner(content)
    case 'oneOf':
    case 'anyOf':
    case 'prefixItems':
      if (!Array.isArray(content)) throw new SchemaError(`'${keyword}' is not a list`)
      return content.map(inner)
    case '$ref':
      return knownReference(content, defs)
    default:
      return content
  }
}

function kindOf(schema: Schema): string {
  const decisive = ['$ref', 'oneOf', 'anyOf', 'const', 'enum'].find((name) => name in schema)
  if (decisive !== undefined) return decisive
  const { type } = schema
  if (type === 'string' || type === 'object' || type === 'array') return type
  const types = Array.isArray(type) ? type : [type]
  if (types.length > 0 && types.every((name) => SCALARS.has(name))) return 'scalar'
  throw new SchemaError(
    `the type ${JSON.stringify(type) ?? 'is missing and'} is not supported here`,
  )
}

function knownReference(reference: unknown, defs: ReadonlySet<string>): string {
  const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(String(reference))?.[1]
  if (name !== undefined && defs.has(name)) return `#/$defs/${name}`
  throw new SchemaError(`the reference ${JSON.stringify(reference)} leads nowhere`)
}

function asSchema(value: unknown): Schema {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Schema
  throw new SchemaError(`${JSON.stringify(value)} is not a schema that can be enforced`)
}

const mapValues = (of: Schema, change: (value: unknown) => Schema): Record<string, Schema> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [key, change(value)]))
