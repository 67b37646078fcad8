import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CLOSE } from '@infernet/schemas/close-codes'
import { MAX_SETTLER_MESSAGE_BYTES, SETTLER_PATH } from '@infernet/schemas/settler-wire'
import { WebSocket } from 'ws'
import { SettlerDesk } from '../../settler/settler-desk.ts'
import { createHttpServer } from './http-server.ts'
import { settlerUpgrades } from './settler-sockets.ts'
import { acceptUpgrades } from './upgrades.ts'

const TOKEN = 'settler-token'

describe('the settler’s WebSocket', () => {
  let close: () => void
  let url: string
  let desk: SettlerDesk
  const asked: string[] = []

  async function listen(token: string | undefined): Promise<void> {
    const server = createHttpServer(() => new Response('no'))
    const transfers = async (references: readonly string[]) => void asked.push(...references)
    const tasks = { transfers, invoice: async () => 'lnbc1', jobs: async () => {} }
    desk = new SettlerDesk(tasks, () => {})
    const route = settlerUpgrades(desk, token)
    acceptUpgrades(server, [route])
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}${SETTLER_PATH}`
    close = () => {
      route.terminate()
      server.close()
    }
  }
  beforeEach(() => listen(TOKEN))
  afterEach(() => close())

  async function dial(token = TOKEN): Promise<WebSocket> {
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } })
    await once(socket, 'open')
    return socket
  }
  async function statusOf(headers: Record<string, string>): Promise<number | undefined> {
    const socket = new WebSocket(url, { headers })
    socket.on('error', () => {})
    const [, answer] = (await once(socket, 'unexpected-response')) as [
      unknown,
      { statusCode?: number; resume(): void },
    ]
    answer.resume()
    return answer.statusCode
  }
  const next = async (socket: WebSocket): Promise<unknown> => {
    const [data] = (await once(socket, 'message')) as [Buffer]
    return JSON.parse(data.toString())
  }

  it('is for who has the token', async () => {
    for (const authorization of ['Bearer other', 'Bearer settler-toke', TOKEN]) {
      expect(await statusOf({ authorization })).toBe(401)
    }
    expect(await statusOf({})).toBe(401)
    close()
    await listen(undefined)
    expect(await statusOf({ authorization: `Bearer ${TOKEN}` })).toBe(404)
    expect(await statusOf({ authorization: 'Bearer undefined' })).toBe(404)
  })

  it('carries asks, answers and wakes', async () => {
    const socket = await dial()
    const ask = { kind: 'transfers', references: ['inv:ab'] }
    socket.send(JSON.stringify({ type: 'ask', id: 1, ask }))
    expect(await next(socket)).toEqual({ type: 'done', id: 1 })
    expect(asked).toEqual(['inv:ab'])
    const woken = next(socket)
    desk.wake()
    expect(await woken).toEqual({ type: 'wake' })
    socket.close()
    await once(socket, 'close')
  })

  it('is closed for a newer one, for nonsense, and for a message that is too long', async () => {
    const first = await dial()
    const replaced = once(first, 'close')
    const second = await dial()
    expect((await replaced)[0]).toBe(CLOSE.replaced)
    second.send('nonsense')
    expect((await once(second, 'close'))[0]).toBe(CLOSE.protocol)
    const third = await dial()
    third.send('x'.repeat(MAX_SETTLER_MESSAGE_BYTES + 1))
    expect((await once(third, 'close'))[0]).toBe(1009)
    desk.wake()
  })
})
