import { createServer, request } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ResponseError, ResponseParser, type ResponseHead } from './response-parser.ts'

interface Read {
  readonly head: ResponseHead | undefined
  readonly body: string
  readonly ends: number
  readonly isReusable: boolean
}

/** Reads a response that comes in these pieces. */
function read(pieces: readonly string[], isClosed = false): Read {
  let head: ResponseHead | undefined
  let body = ''
  let ends = 0
  const parser = new ResponseParser({
    head: (it) => void (head = it),
    body: (bytes) => void (body += bytes.toString('latin1')),
    end: () => void ends++,
  })
  for (const piece of pieces) parser.push(Buffer.from(piece, 'latin1'))
  if (isClosed) parser.finish()
  return { head, body, ends, isReusable: parser.isReusable }
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
const chunked = (...chunks: readonly string[]): string =>
  `${OK}Transfer-Encoding: chunked\r\n\r\n${chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')}0\r\n\r\n`

describe('a response', () => {
  const answer = { status: 200, contentType: 'text/event-stream' }

  it.each<[string, string, Partial<Read>]>([
    ['with a length', `${OK}content-length: 3\r\n\r\nabc`, { body: 'abc', isReusable: true }],
    ['with no body', `${OK}content-length: 0\r\n\r\n`, { body: '', isReusable: true }],
    ['in chunks', chunked('ab', 'c'), { body: 'abc', isReusable: true }],
    [
      'in chunks with extensions and trailers',
      `${OK}transfer-encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n`,
      { body: 'abc', isReusable: true },
    ],
    [
      'whose server closes',
      `${OK}Connection: Close\r\ncontent-length: 1\r\n\r\na`,
      { body: 'a', isReusable: false },
    ],
    [
      'behind a word that goes before',
      `HTTP/1.1 100 Continue\r\n\r\n${OK}content-length: 1\r\n\r\na`,
      { body: 'a', isReusable: true },
    ],
    [
      'with more behind it than was asked for',
      `${OK}content-length: 1\r\n\r\naHTTP/1.1 200 OK`,
      { body: 'a', isReusable: false },
    ],
  ])('%s', (_, text, expected) => {
    const whole = read([text])
    expect(whole).toMatchObject({ head: answer, ends: 1, ...expected })
    expect(read([...text])).toEqual(whole)
  })

  it('that ends with its connection', () => {
    expect(read([`${OK}\r\n`, 'ab', 'c'])).toMatchObject({ body: 'abc', ends: 0 })
    expect(read([`${OK}\r\n`, 'ab', 'c'], true)).toMatchObject({ ends: 1, isReusable: false })
  })

  it.each([
    'HTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n',
  ])('that never has a body: %j', (text) =>
    expect(read([text])).toMatchObject({ body: '', ends: 1, isReusable: true }),
  )

  it('of HTTP/1.0, where only who says so waits for more', () => {
    const old = 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n'
    expect(read([`${old}\r\na`])).toMatchObject({ ends: 1, isReusable: false })
    expect(read([`${old}connection: keep-alive\r\n\r\na`])).toMatchObject({ isReusable: true })
  })

  it.each([
    ['nothing of HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n'],
    ['two lengths', `${OK}content-length: 1\r\ncontent-length: 1\r\n\r\n`],
    ['chunks and a length', `${OK}content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n`],
    ['a length that is none', `${OK}content-length: -1\r\n\r\n`],
    ['a length in a list', `${OK}content-length: 1, 1\r\n\r\n`],
    ['an encoding', `${OK}transfer-encoding: gzip, chunked\r\n\r\n`],
    ['chunks twice', `${OK}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`],
    ['a space before a colon', `${OK}content-length : 1\r\n\r\n`],
    ['a field that goes on', `${OK}a: b\r\n content-length: 1\r\n\r\n`],
    ['a chunk without a size', `${OK}transfer-encoding: chunked\r\n\r\n\r\n`],
    ['a chunk of a negative size', `${OK}transfer-encoding: chunked\r\n\r\n-1\r\n`],
    ['a chunk beyond all sizes', `${OK}transfer-encoding: chunked\r\n\r\nfffffffff\r\n`],
    ['a chunk that is longer', `${OK}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n`],
    ['a head without end', `${OK}a: ${'x'.repeat(17_000)}`],
    ['a line without end', `${OK}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(300)}`],
    [
      'a trailer without end',
      `${OK}transfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(700)}\r\n`,
    ],
  ])('is none: %s', (_, text) => {
    expect(() => read([text])).toThrow(ResponseError)
    expect(() => read([...text])).toThrow(ResponseError)
  })

  it.each([
    '',
    OK,
    `${OK}content-length: 2\r\n\r\na`,
    `${OK}transfer-encoding: chunked\r\n\r\n1\r\na\r\n`,
  ])('is cut: %j', (text) => expect(() => read([text], true)).toThrow('the connection was closed'))

  it('is read the same however it is cut into pieces', () => {
    const cuts = fc.array(fc.nat(400), { maxLength: 12 })
    const parts = fc.array(fc.stringMatching(/^[ -~\r\n]{1,40}$/), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(parts, cuts, fc.boolean(), (chunks, places, isSized) => {
        const body = chunks.join('')
        const text = isSized
          ? `${OK}content-length: ${body.length}\r\n\r\n${body}`
          : chunked(...chunks)
        const at = [0, ...places.map((n) => n % text.length).toSorted((a, b) => a - b), text.length]
        const pieces = at.slice(1).map((end, i) => text.slice(at[i], end))
        expect(read(pieces)).toEqual({ head: answer, body, ends: 1, isReusable: true })
      }),
    )
  })

  it('throws nothing but its own error, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.boolean(), (bytes, isBehindHead) => {
        const parser = new ResponseParser({ head: () => {}, body: () => {}, end: () => {} })
        if (isBehindHead) parser.push(Buffer.from(`${OK}transfer-encoding: chunked\r\n\r\n`))
        try {
          for (let i = 0; i < 20; i++) parser.push(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(ResponseError)
        }
      }),
    )
  })
})

describe('beside Node’s own client', () => {
  it('reads what Node’s server writes', async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: a\n\n')
      setTimeout(() => response.end('data: [DONE]\n\n'), 5)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    expect(await rawOf((server.address() as AddressInfo).port)).toMatchObject({
      head: { status: 200, contentType: 'text/event-stream' },
      body: 'data: a\n\ndata: [DONE]\n\n',
      ends: 1,
    })
    server.close()
  })

  /** What both make of a response; Node is the reference, wherever it takes one. */
  it('takes nothing that Node refuses, and reads the same', async () => {
    let text = ''
    const server = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(text, 'latin1'))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    await fc.assert(
      fc.asyncProperty(responses, async (made) => {
        const ours = tried(() => read([made], true))
        if (ours === undefined) return
        // Node gives up a whole answer, too, where more follows it.
        text = wholeOf(made)
        expect({ body: ours.body }).toEqual({ body: await nodesBody(port) })
      }),
      { numRuns: 300 },
    )
    server.close()
  })
})

const field = fc.constantFrom(
  'content-length: 0',
  'content-length: 3',
  'Content-Length: 4',
  'content-length: +3',
  'transfer-encoding: chunked',
  'Transfer-Encoding:  CHUNKED ',
  'transfer-encoding: identity',
  'connection: close',
  'connection: keep-alive',
  'x: y',
  ' folded',
  'x : y',
)
const responses = fc
  .tuple(
    fc.constantFrom(
      'HTTP/1.1 200 OK',
      'HTTP/1.1 200',
      'HTTP/1.0 200 OK',
      'HTTP/1.1 204 No Content',
      'HTTP/1.1 20 OK',
    ),
    fc.array(field, { maxLength: 3 }),
    fc.constantFrom(
      'abc',
      'abcd',
      '3\r\nabc\r\n0\r\n\r\n',
      '3\r\nabcd\r\n0\r\n\r\n',
      '3\nabc\n0\n\n',
      '0\r\n\r\nabc',
      '',
    ),
  )
  .map(([status, fields, body]) => [status, ...fields, '', body].join('\r\n'))

function tried<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof ResponseError) return undefined
    throw error
  }
}

/** The response without what comes behind it. */
function wholeOf(made: string): string {
  const seen = { isOver: false }
  const parser = new ResponseParser({
    head: () => {},
    body: () => {},
    end: () => (seen.isOver = true),
  })
  let length = 0
  while (!seen.isOver && length < made.length)
    parser.push(Buffer.from(made[length++] ?? '', 'latin1'))
  return made.slice(0, length)
}

/** Undefined where Node takes it for no whole response. */
function nodesBody(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asking = request({ port, host: '127.0.0.1', agent: false }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (part: string) => (body += part))
      response.on('end', () => resolve(body)).on('error', () => resolve(undefined))
    })
    asking.on('error', () => resolve(undefined)).end()
  })
}

async function rawOf(port: number): Promise<Read> {
  const pieces: string[] = []
  const socket = connect(port, '127.0.0.1')
  socket.on('data', (bytes) => pieces.push(bytes.toString('latin1')))
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  await once(socket, 'close')
  return read(pieces, true)
}
