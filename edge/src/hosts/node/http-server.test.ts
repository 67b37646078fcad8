import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { PING_TEXT, PONG_TEXT } from '@infernet/schemas/frame'
import { MAX_MESSAGE_BYTES } from '@infernet/schemas/limits'
import { PROVIDER_PATH, WS_SUBPROTOCOL } from '@infernet/schemas/wire'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { ProviderHub } from '../../hub/provider-hub.ts'
import { answerJson } from '../../testing/answers.ts'
import { FakeProvider } from '../../testing/fake-provider.ts'
import { capabilityOf, startEdge } from '../../testing/test-edge.ts'
import { createHttpServer } from './http-server.ts'
import { providerUpgrades } from './provider-sockets.ts'
import { acceptUpgrades } from './upgrades.ts'

/** A test edge behind a real HTTP server. */
async function listen() {
  const edge = await startEdge()
  const errors: unknown[] = []
  const server = createHttpServer(() => new Response('ok'))
  const providers = providerUpgrades(edge.hub, (error) => errors.push(error))
  acceptUpgrades(server, [providers])
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    providers.terminate()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
    expect(errors).toEqual([])
  })
  return { edge, port: (server.address() as AddressInfo).port }
}

/** Sends raw bytes and returns the whole answer. */
async function exchange(port: number, request: string): Promise<{ status: number; body: unknown }> {
  const socket = connect(port, '127.0.0.1')
  socket.write(request)
  const answer = await text(socket)
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), body: JSON.parse(body) }
}

const envelope = {
  error: { message: expect.any(String), type: 'invalid_request_error', param: null },
}
const upgrade = (path: string, protocol: string): string =>
  [
    `GET ${path} HTTP/1.1`,
    'host: edge.test',
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
    `sec-websocket-protocol: ${protocol}`,
    '\r\n',
  ].join('\r\n')

describe('what is no HTTP', () => {
  it.each([
    ['garbage', 'hello\r\n\r\n', 400],
    ['too many headers', `GET / HTTP/1.1\r\nx: ${'y'.repeat(17_000)}\r\n\r\n`, 431],
  ])('still gets the envelope: %s', async (_, request, status) => {
    const { port } = await listen()
    expect(await exchange(port, request)).toMatchObject({ status, body: envelope })
  })
})

describe('a WebSocket upgrade', () => {
  it.each([
    ['another path', '/v1/other', WS_SUBPROTOCOL, 404],
    ['a path that is no URL', '//', WS_SUBPROTOCOL, 404],
    ['another protocol', PROVIDER_PATH, 'chat', 426],
  ])('is refused to %s', async (_, path, protocol, status) => {
    const { port } = await listen()
    expect(await exchange(port, upgrade(path, protocol))).toMatchObject({ status, body: envelope })
  })
})

/** A provider that speaks through a real socket. */
async function dial(port: number) {
  const url = `ws://127.0.0.1:${port}${PROVIDER_PATH}`
  const socket = new WebSocket(url, WS_SUBPROTOCOL, { headers: { host: 'edge.test:8787' } })
  onTestFinished(() => socket.terminate())
  const wire = { received: async (_: unknown, message: Uint8Array) => socket.send(message) }
  const provider = new FakeProvider(wire as unknown as ProviderHub)
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    provider.socket.send(isBinary ? Uint8Array.from(data) : data.toString())
  })
  const [first] = await Promise.all([once(socket, 'message'), once(socket, 'open')])
  expect(first).toHaveLength(2)
  return { socket, provider }
}

describe('a provider’s socket', () => {
  it('logs in under the host name it dialled, runs a job and leaves', async () => {
    const { edge, port } = await listen()
    const { socket, provider } = await dial(port)
    await provider.login(provider.hello({ capability: capabilityOf(), now: edge.clock.now() }))
    await expect.poll(() => edge.hub.providers).toBe(1)
    const answer = edge.chat()
    answerJson(await provider.jobs.next())
    expect((await answer).status).toBe(200)
    socket.close()
    await expect.poll(() => edge.hub.providers).toBe(0)
  })

  it('answers ping', async () => {
    const { port } = await listen()
    const { provider } = await dial(port)
    void provider.deliver(PING_TEXT)
    await expect.poll(() => provider.texts).toEqual([PONG_TEXT])
  })

  it('is closed for a message beyond the limit, before it is read', async () => {
    const { port } = await listen()
    const { socket } = await dial(port)
    const closed = once(socket, 'close')
    socket.send(new Uint8Array(MAX_MESSAGE_BYTES + 1))
    socket.on('error', () => {})
    expect((await closed)[0]).toBe(1009)
  })
})
