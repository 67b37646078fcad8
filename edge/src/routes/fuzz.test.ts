import {
  COMPONENTS,
  componentSchemas,
  type JsonObject,
} from '@infernet/openai-compat/openapi/components'
import { ALWAYS } from '@infernet/openai-compat/openapi/headers'
import type { Operation } from '@infernet/openai-compat/openapi/operation'
import { OPERATIONS } from '@infernet/openai-compat/openapi/operations'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerEverything } from '../testing/answering-provider.ts'
import { readEvents } from '../testing/answers.ts'
import { invalid, valid } from '../testing/schema-arbitrary.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'

/** Enough for all that the runs may cost. */
const CREDIT_MSAT = 1_000_000_000_000
const NUM_RUNS = 150

const components = componentSchemas()
const schemaOf = (name: string) => components[name] as JsonObject
/** Those that run jobs; what orders money has tests of its own. */
const posts = OPERATIONS.filter(
  ({ request, tag }) =>
    request !== undefined && tag !== 'Billing' && tag !== 'Jobs' && tag !== 'Slashes',
)

async function fuzzedEdge(): Promise<TestEdge> {
  const edge = await startEdge()
  await edge.accounts.deposit(edge.account, 'fuzz', CREDIT_MSAT)
  await answerEverything(edge)
  return edge
}

/** Half of all bodies name the model that is served, so that they get past that check. */
const bodiesOf = (arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.tuple(arbitrary, fc.boolean()).map(([value, serve]) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return serve && isObject ? { ...value, model: 'tiny' } : value
  })

/** Bodies that have been found to be as described: many parameters have the same answer. */
const described = new Set<string>()

/** Reads an answer; it must be one that the document describes. Returns its status. */
async function checkAnswer(operation: Operation, response: Response): Promise<number> {
  const { answer, errors, errorStyle = 'openai', others = {} } = operation
  const { status } = response
  const hasId = status !== 200 || (answer?.headers ?? ALWAYS).includes('x-request-id')
  if (hasId) expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/)
  if (status !== 200) {
    expect([...errors, ...Object.keys(others).map(Number)]).toContain(status)
    const schema =
      errorStyle === 'openai' ? COMPONENTS.ErrorResponse : COMPONENTS.AnthropicErrorResponse
    expect(schema.safeParse(await response.json()).error).toBeUndefined()
    return status
  }
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const schema = COMPONENTS[answer!.events!]
    const events = await readEvents(response)
    for (const event of events.filter((data) => data !== '[DONE]')) {
      expect(schema.safeParse(event).error).toBeUndefined()
    }
  } else {
    const text = await response.text()
    const known = `${operation.id} ${text}`
    if (described.has(known)) return status
    const body: unknown = JSON.parse(text)
    // What parsing leaves out is not described.
    expect(COMPONENTS[answer!.json!].parse(body)).toEqual(body)
    described.add(known)
  }
  return status
}

async function send(edge: TestEdge, operation: Operation, body: unknown): Promise<number> {
  const before = await edge.balance()
  const records = edge.records.length
  const response = await edge.request(operation.path, {
    method: operation.method.toUpperCase(),
    body: JSON.stringify(body),
  })
  const status = await checkAnswer(operation, response)
  // Preferences that no provider meets are the only reason for any other.
  if (status > 499) expect(status).toBe(503)
  if (status >= 400) expect(await edge.balance()).toEqual(before)
  if (status >= 400 && status < 500) expect(edge.records).toHaveLength(records)
  return status
}

describe.each(posts)('$method $path', (operation) => {
  const schema = schemaOf(operation.request!.schema)

  it('answers the document’s own example', async () => {
    const edge = await fuzzedEdge()
    const example = { ...(operation.request!.example as object), model: 'tiny' }
    expect(await send(edge, operation, example)).toBe(200)
  })

  it('answers whatever the document allows as the document says', async () => {
    const edge = await fuzzedEdge()
    const seen = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(bodiesOf(valid(schema, components)), async (body) => {
        const status = await send(edge, operation, body)
        seen.set(status, (seen.get(status) ?? 0) + 1)
      }),
      { numRuns: NUM_RUNS },
    )
    expect(seen.get(200)).toBeGreaterThan(0)
  })

  it('refuses broken bodies with an envelope, and they cost nothing', async () => {
    const edge = await fuzzedEdge()
    const bodies = fc.oneof(
      { weight: 8, arbitrary: bodiesOf(invalid(schema, components)) },
      { weight: 1, arbitrary: fc.jsonValue() },
    )
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        await send(edge, operation, body)
      }),
      { numRuns: NUM_RUNS },
    )
  })
})

/** What a path or a query may hold at its worst. */
const names = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('..', '.', '%', '%00', '%2F', '%zz', '\0', '__proto__', 'constructor', '/', '//'),
  fc.string().map((text) => text.repeat(200)),
)

describe.each(OPERATIONS.filter(({ request }) => request === undefined))(
  '$method $path',
  (operation) => {
    it('answers any parameters as the document says', async () => {
      const edge = await fuzzedEdge()
      await fc.assert(
        fc.asyncProperty(names, fc.boolean(), async (name, encoded) => {
          const text = encoded
            ? encodeURIComponent(name.toWellFormed())
            : name.replaceAll(/[?#\s]/g, '_')
          const path = operation.path.replace(/\{.*\}/, `x${text}`)
          const before = await edge.balance()
          const init = { method: operation.method.toUpperCase() }
          const response = await edge.request(`${path}?id=${text}`, init)
          const status = await checkAnswer(operation, response)
          expect(status).toBeLessThan(500)
          expect(await edge.balance()).toEqual(before)
        }),
        { numRuns: NUM_RUNS },
      )
    })
  },
)
