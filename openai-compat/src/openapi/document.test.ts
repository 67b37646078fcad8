import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { COMPONENTS, componentSchemas, type JsonObject } from './components.ts'
import { openApiDocument } from './document.ts'
import { TAGS } from './operation.ts'
import { OPERATIONS } from './operations.ts'

const document = JSON.parse(JSON.stringify(openApiDocument('https://edge.test'))) as JsonObject

/** The value that a `#/…` reference names. */
function resolve(ref: string): unknown {
  return ref
    .slice(2)
    .split('/')
    .reduce<unknown>((value, key) => (value as JsonObject | undefined)?.[key], document)
}

/** Every `$ref` anywhere in the document. */
function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) =>
    key === '$ref' ? [String(item)] : refsIn(item),
  )
}

const ajv = new Ajv2020({
  strict: true,
  strictTypes: false,
  strictRequired: false,
  validateFormats: false,
})
ajv.addVocabulary(['components'])
ajv.addSchema({ $id: 'doc', components: document['components'] })
const validator = (name: string) => ajv.compile({ $ref: `doc#/components/schemas/${name}` })

describe('the OpenAPI document', () => {
  it('has what OpenAPI 3.1 demands', () => {
    expect(document).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\.\d$/),
      info: { title: expect.any(String), version: expect.any(String) },
      servers: [{ url: 'https://edge.test' }],
    })
  })

  it('refers only to what it has', () => {
    const refs = [...new Set(refsIn(document))]
    expect(refs.length).toBeGreaterThan(50)
    expect(refs.filter((ref) => resolve(ref) === undefined)).toEqual([])
  })

  it('uses all that it names', () => {
    const used = new Set(refsIn(document))
    for (const kind of ['schemas', 'parameters', 'headers'] as const) {
      const names = Object.keys((document['components'] as Record<string, JsonObject>)[kind]!)
      const unused = names.filter((name) => !used.has(`#/components/${kind}/${name}`))
      expect(unused).toEqual([])
    }
  })

  it('has one operation per method and path, each with an id and a known tag', () => {
    const ids = OPERATIONS.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const places = OPERATIONS.map(({ method, path }) => `${method} ${path}`)
    expect(new Set(places).size).toBe(places.length)
    for (const { tag } of OPERATIONS) expect(Object.keys(TAGS)).toContain(tag)
  })

  it.each(OPERATIONS)('declares the parameters in the path of $method $path', (operation) => {
    const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const declared = (operation.parameters ?? [])
      .map((name) => resolve(`#/components/parameters/${name}`) as JsonObject)
      .filter((parameter) => parameter['in'] === 'path')
    expect(declared.map(({ name }) => name)).toEqual(inPath)
    expect(declared.every(({ required }) => required === true)).toBe(true)
  })
})

const chatBody = (fields: object) => ({
  model: 'm',
  messages: [{ role: 'user', content: 'a' }],
  ...fields,
})

const hasModel = (example: unknown): boolean =>
  typeof example === 'object' && example !== null && 'model' in example

describe('its schemas', () => {
  it.each(OPERATIONS.filter(({ request }) => request !== undefined))(
    'allow the example of $path',
    ({ request }) => expect(validator(request!.schema)(request!.example)).toBe(true),
  )

  it.each(Object.keys(COMPONENTS))('%s is valid JSON Schema 2020-12', (name) => {
    expect(() => validator(name)).not.toThrow()
  })

  it('name the same dialect and place nowhere twice', () => {
    expect(JSON.stringify(componentSchemas())).not.toMatch(/"\$(schema|id)"/)
  })

  it.each(OPERATIONS.filter(({ request }) => hasModel(request?.example)))(
    'allow the example of $path and not its lack of a model',
    ({ request }) => {
      const validate = validator(request!.schema)
      const { model: _, ...modelless } = request!.example as JsonObject
      expect(validate(request!.example)).toBe(true)
      expect(validate(modelless)).toBe(false)
    },
  )

  it('tell apart what zod tells apart', () => {
    const chat = validator('CreateChatCompletionRequest')
    const allowed = [{}, { n: 8 }, { temperature: null }, { stop: ['a'] }, { unknown: 1 }]
    const refused = [{ n: 9 }, { n: 1.5 }, { temperature: '1' }, { messages: [] }, { stop: [''] }]
    for (const fields of allowed) expect(chat(chatBody(fields))).toBe(true)
    for (const fields of refused) expect(chat(chatBody(fields))).toBe(false)
  })
})
