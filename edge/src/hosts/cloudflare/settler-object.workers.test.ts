import { env, exports } from 'cloudflare:workers'
import { evictDurableObject } from 'cloudflare:test'
import { CLOSE } from '@infernet/schemas/close-codes'
import { SETTLER_PATH } from '@infernet/schemas/settler-wire'
import { afterEach, describe, expect, it } from 'vitest'
import { settlerOf, type WorkerEnv } from './env.ts'

const bindings = env as unknown as WorkerEnv
const edge = (exports as unknown as { default: Fetcher }).default

const upgrade = (authorization: string) =>
  edge.fetch(`http://edge.test${SETTLER_PATH}`, {
    headers: { upgrade: 'websocket', authorization },
  })

const opened: Settler[] = []

/** A settler on the other end of a real WebSocket into the object. */
class Settler {
  readonly closed: Promise<number>
  readonly #socket: WebSocket
  readonly #texts: string[] = []
  #arrived = (): void => {}

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.accept()
    this.closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code }) => resolve(code))
    })
    socket.addEventListener('message', ({ data }) => {
      this.#texts.push(String(data))
      this.#arrived()
    })
  }

  static async connect(): Promise<Settler> {
    const { webSocket, status } = await upgrade(`Bearer ${bindings.SETTLER_TOKEN}`)
    if (webSocket === null) throw new Error(`no WebSocket, but ${status}`)
    const settler = new Settler(webSocket)
    opened.push(settler)
    return settler
  }

  close(): void {
    this.#socket.close(1000, 'done')
  }

  send(message: unknown): void {
    this.#socket.send(JSON.stringify(message))
  }

  async next(): Promise<unknown> {
    while (this.#texts.length === 0) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
    return JSON.parse(this.#texts.shift()!)
  }
}

describe('the settler object', () => {
  afterEach(() => {
    for (const settler of opened.splice(0)) settler.close()
  })

  it('is reached with the token only', async () => {
    for (const authorization of ['', 'Bearer other']) {
      const answer = await upgrade(authorization)
      expect(answer.status).toBe(401)
      expect(await answer.json()).toMatchObject({ error: { code: 'invalid_settler_token' } })
    }
  })

  it('wakes the settler, and answers its ping, also after it was evicted', async () => {
    const settler = await Settler.connect()
    await settlerOf(bindings).wake()
    expect(await settler.next()).toEqual({ type: 'wake' })
    await evictDurableObject(settlerOf(bindings))
    settler.send({ type: 'ping' })
    expect(await settler.next()).toEqual({ type: 'pong' })
    await settlerOf(bindings).wake()
    expect(await settler.next()).toEqual({ type: 'wake' })
  })

  it('has one settler, the last one, also after it was evicted', async () => {
    const [first, second] = [await Settler.connect(), await Settler.connect()]
    expect(await first.closed).toBe(CLOSE.replaced)
    await evictDurableObject(settlerOf(bindings))
    await settlerOf(bindings).wake()
    expect(await second.next()).toEqual({ type: 'wake' })
  })

  it('says what it could not do', async () => {
    const settler = await Settler.connect()
    settler.send({ type: 'ask', id: 1, ask: { kind: 'transfers', references: ['inv:ab'] } })
    const failed = { type: 'failed', id: 1, code: 'database_unavailable' }
    expect(await settler.next()).toMatchObject(failed)
    settler.send({ type: 'ask', id: 2, ask: { kind: 'jobs', jobs: ['j'] } })
    // No job has that id: there is nothing to do.
    expect(await settler.next()).toEqual({ type: 'done', id: 2 })
  })

  it('closes what does not speak its protocol', async () => {
    const settler = await Settler.connect()
    settler.send({ type: 'nonsense' })
    expect(await settler.closed).toBe(CLOSE.protocol)
  })
})
