import { INTERNAL_ROUTES, OPERATIONS } from '@infernet/openai-compat/openapi/operations'
import { describe, expect, it } from 'vitest'
import { createApp } from '../app.ts'
import type { EdgeServices } from '../services.ts'
import { startEdge } from '../testing/test-edge.ts'

/** Routes are made without asking anybody. */
const app = createApp({} as EdgeServices)

/** The routes of the app that answer requests, as `get /v1/models/{id}`, without the `/v1`-less copies. */
function routes(): string[] {
  const places = app.routes
    .filter(({ method, path }) => method !== 'ALL' && !path.endsWith('*'))
    .map(({ method, path }) => [method.toLowerCase(), template(path)] as const)
    .filter(([, path]) => !INTERNAL_ROUTES.some((internal) => internal.test(path)))
  const prefixed = new Set(places.map(([, path]) => path).filter((path) => path.startsWith('/v1/')))
  const own = places.filter(([, path]) => !prefixed.has(`/v1${path}`))
  return [...new Set(own.map(([method, path]) => `${method} ${path}`))].sort()
}

/** `/models/:id{.+}` as `/models/{}`: the document has names of its own. */
const template = (path: string): string => path.replaceAll(/:\w+(\{[^}]*\})?/g, '{}')

describe('GET /openapi.json', () => {
  it('describes every route that is not internal, and no other', () => {
    const described = OPERATIONS.map(
      ({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`,
    )
    expect(described.sort()).toEqual(routes())
  })

  it('needs no key, and names the place it was asked at', async () => {
    const edge = await startEdge()
    const response = await edge.request('/openapi.json', { headers: { authorization: '' } })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    const document = (await response.json()) as { openapi: string; servers: unknown }
    expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: 'http://edge.test' }] })
  })

  it('answers 304 to whoever has it', async () => {
    const edge = await startEdge()
    const first = await edge.request('/openapi.json')
    const etag = first.headers.get('etag')!
    for (const tag of [etag, `"other", W/${etag}`, '*']) {
      const again = await edge.request('/openapi.json', { headers: { 'if-none-match': tag } })
      expect(again.status).toBe(304)
      expect(await again.text()).toBe('')
      expect(again.headers.get('etag')).toBe(etag)
    }
    const other = await edge.request('/openapi.json', { headers: { 'if-none-match': '"other"' } })
    expect(other.status).toBe(200)
  })
})

describe.each(OPERATIONS)('$method $path', ({ method, path, open, request }) => {
  it(open === true ? 'needs no key' : 'needs a key, in either header', async () => {
    const edge = await startEdge()
    const send = (headers: Record<string, string>) => {
      const body = request === undefined ? {} : { body: '{}' }
      const url = `http://edge.test${path.replace(/\{\w+\}/, 'some')}`
      return edge.fetch(new Request(url, { method: method.toUpperCase(), headers, ...body }))
    }
    const stranger = await send({ 'x-api-key': 'sk-nobody' })
    const answers = [
      await send({ 'x-api-key': edge.key }),
      await send({ authorization: `Bearer ${edge.key}` }),
    ]
    expect((await send({})).status === 401).toBe(open !== true)
    expect(stranger.status === 401).toBe(open !== true)
    for (const { status } of answers) expect([200, 400, 404]).toContain(status)
  })
})
