import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { describe, expect, it } from 'vitest'
import { answerEverything } from '../testing/answering-provider.ts'
import { errorOf, type ErrorAnswer } from '../testing/error-answer.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'

const PATHS = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings'] as const
const CHAT = PATHS[0]
/** A body that is fine for every endpoint of the three. */
const FIELDS = {
  model: 'tiny',
  messages: [{ role: 'user', content: 'hi' }],
  prompt: 'hi',
  input: 'hi',
}
const WITHOUT_END = JSON.stringify(FIELDS).slice(0, -1)
/** The same body with more members, written as they are. */
const withMembers = (members: string): string => `${WITHOUT_END},${members}}`

async function answeringEdge(): Promise<TestEdge> {
  const edge = await startEdge()
  await answerEverything(edge)
  return edge
}

type Body = string | Uint8Array | ReadableStream

/** POSTs what must be refused, and checks that nothing came of it. */
async function refused(
  edge: TestEdge,
  body: Body | undefined,
  headers: Record<string, string> = {},
  path: string = CHAT,
): Promise<ErrorAnswer> {
  const before = await edge.balance()
  const response = await edge.request(path, {
    method: 'POST',
    headers,
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  } as RequestInit)
  const error = await errorOf(response)
  expect(await edge.balance()).toEqual(before)
  expect(before.openHolds).toBe(0)
  expect(edge.records).toEqual([])
  return error
}

/** POSTs what must be answered, and returns the answer's JSON. */
async function answered(edge: TestEdge, body: Body, headers: Record<string, string> = {}) {
  const response = await edge.request(CHAT, { method: 'POST', headers, body } as RequestInit)
  expect(response.status).toBe(200)
  return response.json()
}

const bytes = (...parts: (string | readonly number[])[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => [
      ...(typeof part === 'string' ? new TextEncoder().encode(part) : part),
    ]),
  )

describe.each(PATHS)('a body that is no JSON, to %s', (path) => {
  it.each<[string, Body | undefined]>([
    ['nothing', undefined],
    ['an empty body', ''],
    ['blanks', ' \n\t '],
    ['a cut object', WITHOUT_END],
    ['two objects', '{}{}'],
    ['a trailing comma', '{"model":"tiny",}'],
    ['a comment', '{/* hi */}'],
    ['single quotes', "{'model':'tiny'}"],
    ['NaN', withMembers('"temperature":NaN')],
    ['Infinity', withMembers('"temperature":Infinity')],
    ['a hexadecimal number', withMembers('"n":0x1')],
    ['a leading zero', withMembers('"n":01')],
    ['a raw line break in a string', withMembers('"user":"a\nb"')],
    ['a raw NUL', withMembers('"user":"a\0b"')],
    ['form data', 'model=tiny&messages=hi'],
    ['a bad escape', withMembers('"user":"\\x"')],
    ['half a \\u escape', withMembers('"user":"\\ud8"')],
    ['an overlong slash in UTF-8', bytes('{"model":"', [0xc0, 0xaf], '"}')],
    ['half a surrogate pair in UTF-8', bytes('{"model":"', [0xed, 0xa0, 0x80], '"}')],
    ['a cut character', bytes('{"model":"', [0xf0, 0x9f], '"}')],
    ['Latin-1', bytes('{"model":"', [0xe9], '"}')],
    ['UTF-16', new Uint8Array(Buffer.from(`\ufeff${WITHOUT_END}}`, 'utf16le'))],
    ['a hundred thousand brackets', '['.repeat(100_000)],
    ['a number beyond all doubles', withMembers('"temperature":1e400')],
    ['its negative', withMembers('"seed":-1e400')],
  ])('is refused: %s', async (_, body) => {
    const error = await refused(await answeringEdge(), body, {}, path)
    expect(error).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      code: 'invalid_json',
    })
  })

  it.each<[string, string]>([
    ['null', 'null'],
    ['a number', '1'],
    ['a string', '"tiny"'],
    ['a list', '[]'],
    ['a list of what is wanted', `[${WITHOUT_END}}]`],
    ['a hundred thousand nested lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['the same as a value', withMembers(`"x":${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
    ['nested objects', withMembers(`"x":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)],
    [
      'ten thousand keys',
      withMembers(Array.from({ length: 10_000 }, (_, i) => `"k${i}":0`).join()),
    ],
    ['a second model that is none', withMembers('"model":7')],
    ['a count of 2^63', withMembers('"n":9223372036854775808,"dimensions":9223372036854775808')],
    ['a model with a name of a megabyte', withMembers(`"model":"${'x'.repeat(1_000_000)}"`)],
  ])('is refused although it is JSON: %s', async (_, body) => {
    const error = await refused(await answeringEdge(), body, {}, path)
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error' })
    expect(error.message.length).toBeLessThan(500)
  })
})

describe('a body that only looks bad', () => {
  it.each<[string, string]>([
    ['an escaped NUL', withMembers('"user":"a\\u0000b"')],
    ['an escaped lone surrogate', withMembers('"user":"\\ud800"')],
    ['a key that sets prototypes', withMembers('"__proto__":{"stream":true,"n":99}')],
    ['such a key further in', withMembers('"metadata":{"__proto__":{"polluted":"yes"}}')],
    ['a constructor', withMembers('"constructor":{"prototype":{"polluted":"yes"}}')],
    ['names that objects have', withMembers('"toString":1,"hasOwnProperty":2,"valueOf":null')],
    ['a key twice, the last being good', withMembers('"n":99,"n":1')],
    ['a byte order mark', `\ufeff${WITHOUT_END}}`],
    ['a small number', withMembers('"temperature":1e-400')],
  ])('is answered: %s', async (_, body) => {
    const edge = await answeringEdge()
    const answer = (await answered(edge, body)) as { choices: unknown[] }
    expect(answer.choices).toHaveLength(1)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(({} as Record<string, unknown>)['stream']).toBeUndefined()
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'x', ''])(
    'is answered: JSON that is called %j',
    async (type) => {
      await answered(await answeringEdge(), `${WITHOUT_END}}`, { 'content-type': type })
    },
  )
})

describe('a compressed body', () => {
  const bomb = Buffer.alloc(64 * 1024 * 1024, ' ')
  it.each<[string, (plain: Uint8Array) => Uint8Array]>([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', (plain) => plain.subarray(0, 100)],
    ['gzip, gzip', (plain) => gzipSync(gzipSync(plain))],
    ['GZIP', gzipSync],
  ])('is refused unread: %s', async (encoding, compress) => {
    const body = new Uint8Array(compress(bomb))
    const error = await refused(await answeringEdge(), body, { 'content-encoding': encoding })
    expect(error).toMatchObject({ status: 415, code: 'unsupported_content_encoding' })
  })

  it.each(['identity', 'Identity', ''])('is none when the encoding is %j', async (encoding) => {
    const headers = { 'content-encoding': encoding }
    await answered(await answeringEdge(), `${WITHOUT_END}}`, headers)
  })
})

describe('a body over the limit', () => {
  const CHUNK_BYTES = 64 * 1024

  /** A body of `length` bytes that counts what was taken of it. */
  function chunked(length: number) {
    const taken = { bytes: 0, cancelled: false }
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (taken.bytes >= length) return controller.close()
          controller.enqueue(new Uint8Array(CHUNK_BYTES).fill(32))
          taken.bytes += CHUNK_BYTES
        },
        cancel() {
          taken.cancelled = true
        },
      },
      { highWaterMark: 0 },
    )
    return { body, taken }
  }

  it('is refused with what is allowed when it is chunked', async () => {
    const { body } = chunked(MAX_REQUEST_BODY_BYTES + CHUNK_BYTES)
    const error = await refused(await answeringEdge(), body)
    expect(error).toMatchObject({ status: 413, code: 'body_too_large' })
    expect(error.message).toContain(String(MAX_REQUEST_BODY_BYTES))
  })

  it('is refused when its length is declared', async () => {
    const error = await refused(
      await answeringEdge(),
      new Uint8Array(MAX_REQUEST_BODY_BYTES + 1).fill(32),
      { 'content-length': String(MAX_REQUEST_BODY_BYTES + 1) },
    )
    expect(error).toMatchObject({ status: 413, code: 'body_too_large' })
  })

  it('is not read to its end when it has none', async () => {
    const { body, taken } = chunked(Infinity)
    const error = await refused(await answeringEdge(), body)
    expect(error.status).toBe(413)
    expect(taken.cancelled).toBe(true)
    expect(taken.bytes).toBeLessThan(MAX_REQUEST_BODY_BYTES * 5)
  })

  it('is counted, whatever it declares', async () => {
    for (const declared of ['-1', '1e3', 'abc', '', '0x10', '99999999999999999999']) {
      const { body } = chunked(MAX_REQUEST_BODY_BYTES * 2)
      const error = await refused(await answeringEdge(), body, { 'content-length': declared })
      expect(error.status).toBe(413)
    }
  })

  it('that breaks off is the client’s fault', async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.error(new Error('reset')),
    })
    expect((await refused(await answeringEdge(), body)).status).toBe(400)
  })
})

describe('a header', () => {
  it.each([
    ['nothing', ''],
    ['no token', 'Bearer'],
    ['blanks', 'Bearer    '],
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['a token of nobody', 'Bearer sk-inf-0000000000000000-0000'],
    ['100 KB', `Bearer ${'x'.repeat(100_000)}`],
    ['two tokens', 'Bearer a, Bearer b'],
    ['SQL', "Bearer ' or 1=1 --"],
    ['bytes', 'Bearer \u00ff\u0080'],
  ])('with a bad key is refused without an echo: %s', async (_, authorization) => {
    const error = await refused(await answeringEdge(), `${WITHOUT_END}}`, { authorization })
    expect(error.status).toBe(401)
    expect(error.message).not.toContain('x'.repeat(20))
  })

  it.each([
    ['nothing', ''],
    ['too long', 'x'.repeat(256)],
    ['very long', 'x'.repeat(15_000)],
    ['a blank', 'a b'],
    ['beyond ASCII', '\u00e9'],
  ])('with a bad idempotency key is refused: %s', async (_, key) => {
    const error = await refused(await answeringEdge(), `${WITHOUT_END}}`, {
      'idempotency-key': key,
    })
    expect(error.status).toBe(400)
  })

  it('of a preflight is repeated only as a list of names', async () => {
    const edge = await startEdge()
    const preflight = (names: string) =>
      edge.request(CHAT, {
        method: 'OPTIONS',
        headers: { 'access-control-request-headers': names },
      })
    const good = await preflight('authorization, x-stainless-os')
    expect(good.headers.get('access-control-allow-headers')).toBe('authorization, x-stainless-os')
    for (const names of ['<script>', 'a;b', 'x'.repeat(10_000)]) {
      const bad = await preflight(names)
      expect(bad.status).toBe(204)
      expect(bad.headers.get('access-control-allow-headers')).toBe('*')
    }
  })
})

describe('a path', () => {
  it.each([
    '/v1/models/%',
    '/v1/models/%zz',
    '/v1/models/%00',
    '/v1/models/%ff%fe',
    '/v1/models/..%2f..%2fetc%2fpasswd',
    '/v1/models/__proto__',
    '/v1/models/constructor',
    '/v1/receipts/%00',
    '/v1/receipts/job_..%2f',
    `/v1/models/${'x'.repeat(8_000)}`,
    '/v1/generation?id=%00',
    '/v1/generation?id=%ff',
    '/v1/generation?id=%',
    '//v1/models',
    '/v1//models',
    '/v1/chat%2Fcompletions',
    '/V1/MODELS',
    '/operator/accounts/%00',
    '/__proto__',
  ])('that names nothing answers 404: %s', async (path) => {
    const edge = await answeringEdge()
    const error = await errorOf(await edge.request(path))
    expect(error.status).toBe(404)
    expect(error.message.length).toBeLessThan(500)
  })

  it('may have its slashes encoded or not in a model’s name', async () => {
    const edge = await startEdge()
    const plain = await edge.request('/v1/models/nobody/here')
    const encoded = await edge.request('/v1/models/nobody%2Fhere')
    expect((await errorOf(encoded)).message).toBe((await errorOf(plain)).message)
  })

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])(
    'to post to is not to be asked with %s',
    async (method) => {
      const edge = await startEdge()
      for (const path of PATHS) {
        const response = await edge.request(path, { method })
        expect(response.headers.get('allow')).toBe('POST')
        expect((await errorOf(response)).status).toBe(405)
      }
    },
  )
})

describe('the operator’s API', () => {
  it.each([
    ['no JSON', '{'],
    ['bad UTF-8', bytes('{"name":"', [0xff], '"}')],
    ['an empty body', ''],
    ['depth', '['.repeat(16_000)],
    ['a pair of half characters', '{"name":"\\ud800"}'],
    ['a NUL', '{"name":"a\\u0000"}'],
    ['another field', '{"name":"a","admin":true}'],
    ['a prototype', '{"__proto__":{"name":"a"}}'],
    ['a list', '[]'],
    ['a count beyond integers', '{"name":"a","max_concurrent":1e400}'],
    ['a count of 2^63', '{"name":"a","max_concurrent":9223372036854775808}'],
    ['a budget in hexadecimal', '{"name":"a","budget_msat_per_day":"0x10"}'],
  ])('refuses %s', async (_, body) => {
    const edge = await startEdge()
    const accounts = edge.store.accounts.size
    const headers = { authorization: 'Bearer operator-token' }
    const error = await refused(edge, body, headers, '/operator/accounts')
    expect(error.status).toBe(400)
    expect(edge.store.accounts.size).toBe(accounts)
  })
})
