import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { PROVIDER_PATH, WS_SUBPROTOCOL } from '@infernet/schemas/wire'
import { DEFAULT_COMPUTE_RATES } from '@infernet/settlement/compute-price'
import { parsePriceBounds } from '@infernet/settlement/price-bounds'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { AuditKeys } from '../../audit/audit-keys.ts'
import { parseTimeouts } from '../../hub/job-timeouts.ts'
import type { ProviderHub } from '../../hub/provider-hub.ts'
import { answerJson, piece } from '../../testing/answers.ts'
import { AUDIENCE, FakeProvider } from '../../testing/fake-provider.ts'
import { capabilityOf } from '../../testing/test-edge.ts'
import { startDatabaseServer, type DatabaseServer } from './database-server.ts'
import { startNodeEdge, type NodeEdge } from './node-edge.ts'

const OPERATOR = 'operator-token'
const CREDIT_MSAT = 1_000_000

/** Stands before a database, counts what is asked of it, and passes nothing on while it is `away`. */
class Watcher {
  asked: string[] = []
  away = false
  readonly #server: Server

  constructor(target: string) {
    this.#server = createServer(async (request, response) => {
      const body = await buffer(request)
      this.asked.push(body.toString())
      if (this.away) return
      const answer = await fetch(target, { method: 'POST', body })
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()))
    })
  }

  async listen(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/sql`
  }

  /** Until nothing was asked for a while. */
  async quiet(): Promise<void> {
    for (let before = -1; before !== this.asked.length;) {
      before = this.asked.length
      await new Promise((resolve) => setTimeout(resolve, 1_500))
    }
    this.asked = []
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

describe('a request of a key that is known', () => {
  let folder: string
  let database: DatabaseServer
  let watcher: Watcher
  let edge: NodeEdge
  let provider: FakeProvider
  let socket: WebSocket
  let key: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infernet-first-token-'))
    database = await startDatabaseServer({ port: 0 })
    watcher = new Watcher(database.url)
    edge = await startNodeEdge({
      host: '127.0.0.1',
      port: 0,
      dataDir: folder,
      databaseUrl: await watcher.listen(),
      operatorToken: OPERATOR,
      audit: new AuditKeys(new Uint8Array(32)),
      log: () => {},
      timeouts: parseTimeouts(undefined),
      prices: parsePriceBounds(undefined, undefined),
      feeBps: 100,
      computeRates: DEFAULT_COMPUTE_RATES,
    })
    const account = String((await operate('accounts', { name: 'Ada' }))['id'])
    key = String((await operate(`accounts/${account}/keys`, { name: 'a' }))['key'])
    const credit = { reference: 'start', msat: String(CREDIT_MSAT) }
    await operate(`accounts/${account}/credits`, credit)
  })
  afterAll(async () => {
    watcher.away = false
    socket?.terminate()
    await edge.close(0)
    watcher.close()
    await database.close()
    await rm(folder, { recursive: true })
  })

  async function operate(path: string, body: object): Promise<Record<string, unknown>> {
    const response = await fetch(`${edge.url}/operator/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${OPERATOR}` },
      body: JSON.stringify(body),
    })
    expect(response.ok).toBe(true)
    return (await response.json()) as Record<string, unknown>
  }
  /** A provider comes, over a real socket. */
  async function connectProvider(): Promise<void> {
    const url = edge.url.replace('http', 'ws') + PROVIDER_PATH
    socket = new WebSocket(url, WS_SUBPROTOCOL, { headers: { host: `${AUDIENCE}:80` } })
    const wire = { received: async (_: unknown, message: Uint8Array) => socket.send(message) }
    provider = new FakeProvider(wire as unknown as ProviderHub)
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      provider.socket.send(isBinary ? Uint8Array.from(data) : data.toString())
    })
    await Promise.all([once(socket, 'message'), once(socket, 'open')])
    await provider.login(provider.hello({ capability: capabilityOf(), now: Date.now() }))
  }
  const call = (path: string, init: RequestInit = {}) =>
    fetch(edge.url + path, { ...init, headers: { authorization: `Bearer ${key}` } })
  const chat = (stream: boolean) =>
    call('/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({
        model: 'tiny',
        stream,
        max_completion_tokens: 100,
        messages: [{ role: 'user', content: 'Count to three.' }],
      }),
    })

  it('has its first token before any SQL was sent, and waits for none', async () => {
    await connectProvider()
    const served = async () => (await call('/v1/models/tiny')).status
    await expect.poll(served, { timeout: 10_000 }).toBe(200)
    const warm = chat(false)
    answerJson(await provider.jobs.next())
    expect((await warm).status).toBe(200)
    await expect.poll(() => watcher.asked.some((sql) => sql.includes('capture'))).toBe(true)
    await watcher.quiet()
    watcher.away = true

    const asking = chat(true)
    const job = (await provider.jobs.next()).begin()
    job.data(piece.text('one'))
    const reader = (await asking).body!.getReader()
    let text = ''
    while (!text.includes('one')) text += new TextDecoder().decode((await reader.read()).value)
    expect(watcher.asked).toEqual([])
    await reader.cancel()
  })
})
