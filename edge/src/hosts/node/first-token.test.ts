import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { answerJson, piece } from '../../testing/answers.ts'
import { capabilityOf } from '../../testing/test-edge.ts'
import { connectOverSocket, startWholeEdge, type WholeEdge } from '../../testing/whole-edge.ts'
import { startDatabaseServer, type DatabaseServer } from './database-server.ts'

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
  let database: DatabaseServer
  let watcher: Watcher
  let edge: WholeEdge
  let socket: WebSocket
  let key: string

  beforeAll(async () => {
    database = await startDatabaseServer({ port: 0 })
    watcher = new Watcher(database.url)
    edge = await startWholeEdge(await watcher.listen())
    const account = String((await edge.operate('accounts', { name: 'Ada' }))['id'])
    key = String((await edge.operate(`accounts/${account}/keys`, { name: 'a' }))['key'])
    const credit = { reference: 'start', msat: String(CREDIT_MSAT) }
    await edge.operate(`accounts/${account}/credits`, credit)
  })
  afterAll(async () => {
    watcher.away = false
    socket?.terminate()
    await edge.close()
    watcher.close()
    await database.close()
  })

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
    const connected = await connectOverSocket(edge.url, capabilityOf())
    socket = connected.socket
    const { provider } = connected
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
