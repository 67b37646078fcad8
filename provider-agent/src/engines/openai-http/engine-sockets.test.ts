import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { SELF_SIGNED } from '../../testing/self-signed.ts'
import { EngineStartError } from '../engine.ts'
import { connectEngine } from './engine-connection.ts'
import {
  EngineSockets,
  type EngineTarget,
  type Exchange,
  type ExchangeListener,
} from './engine-sockets.ts'

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const HEAD = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
const REQUEST = 'POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n'

/** A server that does with each request what it is told, and counts its connections. */
class RawServer {
  connections: Socket[] = []
  answer: (socket: Socket) => void = (socket) => socket.write(ANSWER)
  readonly #server: Server

  constructor(server: Server = createServer()) {
    this.#server = server.on(
      server instanceof tls.Server ? 'secureConnection' : 'connection',
      (socket: Socket) => {
        this.connections.push(socket)
        socket.on('data', () => this.answer(socket)).on('error', () => {})
      },
    )
  }

  async listen(path?: string): Promise<number> {
    if (path === undefined) this.#server.listen(0, '127.0.0.1')
    else this.#server.listen(path)
    await once(this.#server, 'listening')
    onTestFinished(() => {
      for (const socket of this.connections) socket.destroy()
      this.#server.close()
    })
    return path === undefined ? (this.#server.address() as AddressInfo).port : 0
  }
}

/** What a listener has heard. */
class Heard implements ExchangeListener {
  readonly words: string[] = []
  text = ''
  isUnseen: boolean | undefined
  readonly over = Promise.withResolvers<void>()
  head({ status }: { status: number }): void {
    this.words.push(`head ${status}`)
  }
  body(bytes: Buffer): void {
    this.text += bytes.toString()
  }
  end(): void {
    this.words.push('end')
    this.over.resolve()
  }
  broken(error: Error, isUnseen: boolean): void {
    this.words.push(`broken: ${error.message}`)
    this.isUnseen = isUnseen
    this.over.resolve()
  }
  silent(): void {
    this.words.push('silent')
    this.over.resolve()
  }
}

const opened: EngineSockets[] = []
afterEach(() => {
  for (const sockets of opened.splice(0)) sockets.close()
})

async function start(server = new RawServer()) {
  const sockets = socketsTo({ host: '127.0.0.1', port: await server.listen(), isSecure: false })
  return { server, sockets }
}

function socketsTo(target: EngineTarget): EngineSockets {
  const sockets = new EngineSockets(target)
  opened.push(sockets)
  return sockets
}

function begin(sockets: EngineSockets, how: { reuse?: boolean; silenceMs?: number } = {}) {
  const heard = new Heard()
  const { reuse = true, silenceMs = 60_000 } = how
  return { heard, exchange: sockets.send({ text: REQUEST, reuse, silenceMs }, heard) }
}

/** Waits until what a server has done must have been noticed. */
const noticed = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 30))

async function ask(sockets: EngineSockets, how: { reuse?: boolean } = {}): Promise<Heard> {
  const { heard } = begin(sockets, how)
  await heard.over.promise
  return heard
}

describe('connections to an engine', () => {
  it('serve one request after the other', async () => {
    const { server, sockets } = await start()
    for (let i = 0; i < 3; i++) {
      expect(await ask(sockets)).toMatchObject({ words: ['head 200', 'end'], text: 'ok' })
    }
    expect(server.connections).toHaveLength(1)
  })

  it('serve one at a time', async () => {
    const { server, sockets } = await start()
    await Promise.all([1, 2, 3].map(() => ask(sockets)))
    expect(server.connections).toHaveLength(3)
    await Promise.all([1, 2, 3].map(() => ask(sockets)))
    expect(server.connections).toHaveLength(3)
  })

  it('are not kept where that is not wanted, nor beyond 64', async () => {
    const { server, sockets } = await start()
    await ask(sockets, { reuse: false })
    await ask(sockets)
    expect(server.connections).toHaveLength(2)
    await Promise.all(Array.from({ length: 80 }, () => ask(sockets)))
    await noticed()
    expect(server.connections.filter(({ closed }) => !closed)).toHaveLength(64)
  })

  it.each([
    [
      'its server says that it closes',
      'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok',
    ],
    ['its server says more than was asked', `${ANSWER}x`],
  ])('are given up where %s', async (_, answer) => {
    const { server, sockets } = await start()
    server.answer = (socket) => socket.write(answer)
    for (let i = 0; i < 2; i++) expect((await ask(sockets)).text).toBe('ok')
    expect(server.connections).toHaveLength(2)
  })

  it('are given up when they say something unasked', async () => {
    const { server, sockets } = await start()
    await ask(sockets)
    server.connections[0]?.write(ANSWER)
    await noticed()
    expect(await ask(sockets)).toMatchObject({ words: ['head 200', 'end'], text: 'ok' })
    expect(server.connections).toHaveLength(2)
  })

  it('notice that an idle one was closed', async () => {
    const { server, sockets } = await start()
    await ask(sockets)
    server.connections[0]?.end()
    await noticed()
    expect((await ask(sockets)).words).toEqual(['head 200', 'end'])
  })

  it('tell a request that nobody has seen from one that was lost', async () => {
    const { server, sockets } = await start()
    server.answer = (socket) => socket.destroy()
    expect(await ask(sockets)).toMatchObject({ isUnseen: false })
    server.answer = (socket) => socket.write(ANSWER)
    await ask(sockets)
    server.answer = (socket) => socket.destroy()
    expect(await ask(sockets)).toMatchObject({ isUnseen: true })
    server.answer = (socket) => socket.write(ANSWER)
    await ask(sockets)
    server.answer = (socket) => socket.end(`${HEAD}2\r\nok\r\n`)
    expect(await ask(sockets)).toMatchObject({
      isUnseen: false,
      text: 'ok',
      words: ['head 200', 'broken: the connection was closed'],
    })
  })

  it('take a request for seen that a server has worked on', async () => {
    const { server, sockets } = await start()
    await ask(sockets)
    server.answer = (socket) => setTimeout(() => socket.destroy(), 1_100)
    expect(await ask(sockets)).toMatchObject({ isUnseen: false })
  })

  it('break at what is no HTTP', async () => {
    const { server, sockets } = await start()
    server.answer = (socket) => socket.write('220 smtp.example.org ESMTP\r\n\r\n')
    expect((await ask(sockets)).words).toEqual(['broken: it does not begin as HTTP/1.1 does'])
    await noticed()
    expect(server.connections[0]?.closed).toBe(true)
  })

  it('cannot be made where nobody listens', async () => {
    const { server, sockets } = await start()
    const nobody = socketsTo({ socketPath: '/nonexistent/engine.sock' })
    expect((await ask(nobody)).words).toEqual([expect.stringContaining('ENOENT')])
    expect(server.connections).toHaveLength(0)
    expect((await ask(sockets)).words).toEqual(['head 200', 'end'])
  })

  it('read an answer to its end where that is the connection’s', async () => {
    const { server, sockets } = await start()
    server.answer = (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it')
    expect(await ask(sockets)).toMatchObject({ words: ['head 200', 'end'], text: 'all of it' })
  })

  it('say when a server is silent, and leave it to the job', async () => {
    const { server, sockets } = await start()
    server.answer = () => {}
    const { heard, exchange } = begin(sockets, { silenceMs: 20 })
    await heard.over.promise
    expect(heard.words).toEqual(['silent'])
    server.connections[0]?.write(ANSWER)
    await vi.waitFor(() => expect(heard.text).toBe('ok'))
    exchange.destroy()
  })

  it('go no further while they are paused', async () => {
    const { server, sockets } = await start()
    let written = 0
    server.answer = (socket) => {
      socket.write(HEAD)
      const more = (): void => {
        do written += 65_536
        while (socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`))
      }
      socket.on('drain', more)
      more()
    }
    const { heard, exchange } = begin(sockets)
    await vi.waitFor(() => expect(heard.text.length).toBeGreaterThan(100_000))
    exchange.pause()
    const before = heard.text.length
    await noticed()
    const stopped = written
    await noticed()
    expect(written).toBe(stopped)
    expect(heard.text.length).toBe(before)
    exchange.resume()
    await vi.waitFor(() => expect(heard.text.length).toBeGreaterThan(before + 1_000_000))
    exchange.destroy()
    await vi.waitFor(() => expect(server.connections[0]?.closed).toBe(true))
    expect(heard.words).toEqual(['head 200'])
  })

  it('are not touched by who has left them', async () => {
    const { server, sockets } = await start()
    const first = begin(sockets)
    await first.heard.over.promise
    server.answer = () => {}
    const second = begin(sockets)
    first.exchange.pause()
    first.exchange.destroy()
    await noticed()
    server.connections[0]?.write(ANSWER)
    await second.heard.over.promise
    expect(second.heard).toMatchObject({ words: ['head 200', 'end'], text: 'ok' })
  })

  it('say nothing more to who has destroyed them', async () => {
    const { server, sockets } = await start()
    let exchange: Exchange | undefined
    const heard = new Heard()
    heard.body = (bytes) => {
      heard.text += bytes.toString()
      exchange?.destroy()
    }
    server.answer = (socket) => socket.write(`${HEAD}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`)
    exchange = sockets.send({ text: REQUEST, reuse: true, silenceMs: 60_000 }, heard)
    await vi.waitFor(() => expect(server.connections[0]?.closed).toBe(true))
    expect(heard).toMatchObject({ words: ['head 200'], text: 'a' })
    server.answer = (socket) => socket.write(ANSWER)
    expect((await ask(sockets)).words).toEqual(['head 200', 'end'])
  })

  it('give each piece its own bytes', async () => {
    const { server, sockets } = await start()
    const pieces: Buffer[] = []
    const heard = new Heard()
    heard.body = (bytes) => void pieces.push(bytes)
    server.answer = (socket) => {
      socket.write(`${HEAD}3\r\nabc\r\n`)
      setTimeout(() => socket.write('3\r\ndef\r\n0\r\n\r\n'), 10)
    }
    sockets.send({ text: REQUEST, reuse: true, silenceMs: 60_000 }, heard)
    await heard.over.promise
    expect(pieces.map(String)).toEqual(['abc', 'def'])
  })

  it('go over a socket in the file system', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'infernet-sockets-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const server = new RawServer()
    const socketPath = join(folder, 'engine.sock')
    await server.listen(socketPath)
    const sockets = socketsTo({ socketPath })
    for (let i = 0; i < 2; i++) expect((await ask(sockets)).text).toBe('ok')
    expect(server.connections).toHaveLength(1)
  })
})

describe('connections with TLS', () => {
  it('answer who can show who they are, and nobody else', async () => {
    const server = new RawServer(tls.createServer(SELF_SIGNED))
    const port = await server.listen()
    const refused = await ask(socketsTo({ host: 'localhost', port, isSecure: true }))
    expect(refused.words[0]).toContain('broken: self-signed certificate')

    const before = tls.getCACertificates('default')
    tls.setDefaultCACertificates([...before, SELF_SIGNED.cert])
    onTestFinished(() => tls.setDefaultCACertificates(before))
    const sockets = socketsTo({ host: 'localhost', port, isSecure: true })
    const trusted = server.connections.length
    for (let i = 0; i < 2; i++) expect((await ask(sockets)).text).toBe('ok')
    expect(server.connections).toHaveLength(trusted + 1)

    // The certificate is for a name.
    const other = await ask(socketsTo({ host: '127.0.0.1', port, isSecure: true }))
    expect(other.words[0]).toContain('is not in the cert')
  })
})

describe('a request', () => {
  it('is written whole, with its length in bytes', async () => {
    const server = new RawServer()
    const asked = Promise.withResolvers<string>()
    server.answer = (socket) => socket.write(ANSWER)
    const port = await server.listen()
    const connection = connectEngine(`http://127.0.0.1:${port}/beside/v1/`, 'k-1')
    onTestFinished(() => connection.close())
    const post = { path: '/chat/completions', body: '{"ü":1}', reuse: true, silenceMs: 60_000 }
    const first = new Heard()
    connection.post(post, first)
    await first.over.promise
    server.connections[0]?.on('data', (bytes) => asked.resolve(bytes.toString()))
    connection.post(post, new Heard())
    expect(await asked.promise).toBe(
      [
        'POST /beside/v1/chat/completions HTTP/1.1',
        `host: 127.0.0.1:${port}`,
        'connection: keep-alive',
        'authorization: Bearer k-1',
        'content-type: application/json',
        'content-length: 8',
        '',
        '{"ü":1}',
      ].join('\r\n'),
    )
  })

  it.each(['k\r\nx: y', 'k\n', 'schlüssel\u2028'])('takes no key like %j', (key) => {
    expect(() => connectEngine('http://127.0.0.1:1', key)).toThrow(EngineStartError)
  })
})
