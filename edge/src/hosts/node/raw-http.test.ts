import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { describe, expect, it, onTestFinished } from 'vitest'
import { answerEverything } from '../../testing/answering-provider.ts'
import { startEdge } from '../../testing/test-edge.ts'
import { createHttpServer } from './http-server.ts'

const BODY = JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: 'hi' }] })

/** A test edge behind a real HTTP server; `requests` counts what reached the application. */
async function listen(options: { requestTimeoutMs?: number } = {}) {
  const edge = await startEdge()
  await answerEverything(edge)
  let requests = 0
  const server = createHttpServer((request) => {
    requests += 1
    return edge.fetch(request)
  }, options)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return { edge, port, requests: () => requests }
}

interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** All answers that come on one connection until the server closes it. */
async function exchange(port: number, ...pieces: (string | Uint8Array)[]): Promise<RawAnswer[]> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  for (const piece of pieces) socket.write(piece)
  const answers = (await text(socket)).split(/^HTTP\/1\.1 /m).slice(1)
  return answers.map((answer) => {
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    return { status: Number(head.slice(0, 3)), head, body }
  })
}

const post = (key: string, ...headers: string[]): string =>
  [
    'POST /v1/chat/completions HTTP/1.1',
    'host: edge.test',
    'connection: close',
    `authorization: Bearer ${key}`,
    ...headers,
    '\r\n',
  ].join('\r\n')

const envelope = {
  error: { message: expect.any(String), type: 'invalid_request_error', param: null },
}

describe('what would let one request hide another', () => {
  const length = `content-length: ${BODY.length}`
  const smuggled = 'GET /v1/models HTTP/1.1\r\nhost: edge.test\r\n\r\n'

  it.each<[string, (key: string) => string]>([
    ['two lengths', (key) => post(key, length, 'content-length: 0') + BODY],
    ['two lengths in one', (key) => post(key, 'content-length: 0, 5') + BODY],
    ['a length and chunks', (key) => `${post(key, length, 'transfer-encoding: chunked')}0\r\n\r\n`],
    ['chunks that are not last', (key) => post(key, 'transfer-encoding: chunked, gzip') + BODY],
    ['an unknown coding', (key) => post(key, 'transfer-encoding: xchunked') + BODY],
    ['a negative length', (key) => post(key, 'content-length: -1') + BODY],
    ['a hexadecimal length', (key) => post(key, 'content-length: 0x10') + BODY],
    ['a length beyond 2^64', (key) => post(key, 'content-length: 99999999999999999999') + BODY],
    ['a blank before the colon', (key) => post(key, `content-length : ${BODY.length}`) + BODY],
    ['a bare CR in a header', (key) => post(key, 'x: a\rcontent-length: 0') + BODY],
    ['a NUL in a header', (key) => post(key, 'x: a\0b') + BODY],
    ['a folded header', (key) => post(key, 'x: a', ' content-length: 0') + BODY],
    ['a bad chunk size', (key) => `${post(key, 'transfer-encoding: chunked')}zz\r\n\r\n`],
    [
      'a huge chunk size',
      (key) => `${post(key, 'transfer-encoding: chunked')}ffffffffffffffffff\r\n`,
    ],
  ])('is refused, and nothing behind it is read: %s', async (_, request) => {
    const { edge, port } = await listen()
    const before = await edge.balance()
    const answers = await exchange(port, request(edge.key) + smuggled)
    expect(answers).toHaveLength(1)
    expect(answers[0]).toMatchObject({ status: 400 })
    expect(JSON.parse(answers[0]!.body)).toMatchObject(envelope)
    expect(await edge.balance()).toEqual(before)
    expect(edge.records).toEqual([])
  })

  it('reads no more of a body than was declared', async () => {
    const { edge, port, requests } = await listen()
    const answers = await exchange(port, post(edge.key, length) + BODY + smuggled)
    expect(answers).toHaveLength(1)
    expect(requests()).toBeLessThan(2)
  })

  it('writes no header that a client made up', async () => {
    const { edge, port } = await listen()
    const path = '/v1/models/a%0d%0ax-evil:%201'
    const request = `GET ${path} HTTP/1.1\r\nhost: edge.test\r\nconnection: close\r\nauthorization: Bearer ${edge.key}\r\n\r\n`
    const [answer] = await exchange(port, request)
    expect(answer).toMatchObject({ status: 404 })
    expect(answer!.head).not.toContain('x-evil')
  })
})

describe('a body on a real connection', () => {
  it('is answered when it comes in chunks, byte by byte', async () => {
    const { edge, port } = await listen()
    const chunks = [...BODY].map((char) => `1\r\n${char}\r\n`)
    const request = [post(edge.key, 'transfer-encoding: chunked'), ...chunks, '0\r\n\r\n']
    expect((await exchange(port, ...request))[0]).toMatchObject({ status: 200 })
  })

  it('is refused by its declared length before it has come', async () => {
    const { edge, port } = await listen()
    const declared = `content-length: ${MAX_REQUEST_BODY_BYTES + 1}`
    const body = Buffer.alloc(MAX_REQUEST_BODY_BYTES + 1, ' ')
    const [answer] = await exchange(port, post(edge.key, declared), body)
    expect(answer).toMatchObject({ status: 413 })
    expect(JSON.parse(answer!.body)).toMatchObject(envelope)
  })

  it('that is shorter than declared costs nothing and ends with its connection', async () => {
    const { edge, port } = await listen()
    const before = await edge.balance()
    const socket = connect(port, '127.0.0.1')
    socket.end(post(edge.key, 'content-length: 1000') + BODY)
    await text(socket)
    expect(await edge.balance()).toEqual(before)
    expect(edge.records).toEqual([])
  })

  it('that never comes to its end is cut, and says why', async () => {
    const { edge, port } = await listen({ requestTimeoutMs: 200 })
    const before = await edge.balance()
    const [answer] = await exchange(port, post(edge.key, 'content-length: 1000'), '{"model":')
    expect(answer).toMatchObject({ status: 408 })
    expect(JSON.parse(answer!.body)).toMatchObject(envelope)
    expect(await edge.balance()).toEqual(before)
  })

  it('headers that never come to their end are cut too', async () => {
    const { port, requests } = await listen({ requestTimeoutMs: 200 })
    const [answer] = await exchange(port, 'GET /v1/models HTTP/1.1\r\nhost: a\r\nx: ')
    expect(answer).toMatchObject({ status: 408 })
    expect(requests()).toBe(0)
  })
})

describe('a target that is no path', () => {
  it.each(['*', 'http://other.test/v1/models', '/v1/models#x', '/\u00e9', '/v1/models?a=\ud800'])(
    'still gets the envelope: %s',
    async (target) => {
      const { port } = await listen()
      const request = `GET ${target} HTTP/1.1\r\nhost: edge.test\r\nconnection: close\r\n\r\n`
      const [answer] = await exchange(port, request)
      expect([400, 401, 404]).toContain(answer!.status)
      expect(JSON.parse(answer!.body)).toMatchObject({ error: { message: expect.any(String) } })
    },
  )

  it.each(['', 'host: a b\r\n', 'host: <script>\r\n', 'host: [::\r\n'])(
    'or host is refused: %j',
    async (host) => {
      const { port } = await listen()
      const request = `GET /v1/models HTTP/1.1\r\n${host}connection: close\r\n\r\n`
      const [answer] = await exchange(port, request)
      expect(answer!.status).toBe(400)
      expect(JSON.parse(answer!.body)).toMatchObject(envelope)
    },
  )
})
