import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocketServer, type WebSocket } from 'ws'
import { afterEach, describe, expect, it } from 'vitest'
import {
  MAX_SETTLER_ASKS,
  SETTLER_PATH,
  settlerMessageSchema,
  type EdgeMessage,
  type SettlerAsk,
  type SettlerMessage,
} from '@infernet/schemas/settler-wire'
import { AskBook } from './ask-book.ts'
import { settlerUrl } from './edge-address.ts'
import { EdgeLink } from './edge-link.ts'

const ASK: SettlerAsk = { kind: 'jobs', jobs: ['job_1'] }
const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

/** An edge that does what `answer` says to each ask. */
async function edge(answer: (message: SettlerMessage, socket: WebSocket) => EdgeMessage[]) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const tokens: (string | undefined)[] = []
  server.on('connection', (socket, request) => {
    tokens.push(request.headers.authorization)
    socket.on('message', (data) => {
      const message = settlerMessageSchema.parse(JSON.parse(data.toString()))
      for (const reply of answer(message, socket)) socket.send(JSON.stringify(reply))
    })
  })
  stops.push(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `ws://127.0.0.1:${port}${SETTLER_PATH}`, tokens, server }
}

function link(url: string) {
  const seen = { wakes: 0, changes: [] as string[] }
  const one = new EdgeLink({
    url,
    token: 'secret',
    random: Math.random,
    sleep: async (_, signal) => void (await pause(1, undefined, { signal }).catch(() => {})),
    onWake: () => seen.wakes++,
    onChange: (connected) => seen.changes.push(connected ? 'here' : 'away'),
  })
  const stop = new AbortController()
  const running = one.run(stop.signal)
  stops.push(async () => {
    stop.abort()
    await running
  })
  return { one, seen }
}

const idOf = (message: SettlerMessage): number => (message.type === 'ask' ? message.id : -1)

describe('the link to the edge', () => {
  it('asks with the token, and hears answers, refusals and wakes', async () => {
    let asks = 0
    const { url, tokens } = await edge((message) => [
      { type: 'wake' },
      ++asks === 1
        ? { type: 'done', id: idOf(message), bolt11: 'lnbc1' }
        : { type: 'failed', id: idOf(message), code: 'unknown_provider', message: 'who?' },
    ])
    const { one, seen } = link(url)
    expect(await one.ask(ASK)).toEqual({ bolt11: 'lnbc1' })
    await expect(one.ask(ASK)).rejects.toMatchObject({
      code: 'refused',
      reason: 'unknown_provider',
      message: 'who?',
    })
    expect(tokens).toEqual(['Bearer secret'])
    expect(seen).toEqual({ wakes: 3, changes: ['here'] })
    expect(one.connected).toBe(true)
  })

  it('comes back after the connection broke, and what was asked fails', async () => {
    let asks = 0
    const { url } = await edge((message, socket) => {
      if (++asks > 1) return [{ type: 'done', id: idOf(message) }]
      socket.terminate()
      return []
    })
    const { one, seen } = link(url)
    await expect(one.ask(ASK)).rejects.toMatchObject({ code: 'away' })
    expect(await one.ask(ASK)).toEqual({ bolt11: undefined })
    expect(seen.changes).toEqual(['here', 'away', 'here'])
  })

  it('leaves an edge that says nonsense, and comes back', async () => {
    let asks = 0
    const { url } = await edge((message, socket) => {
      if (++asks === 1) socket.send('{"type":"obey"}')
      return asks === 1 ? [] : [{ type: 'done', id: idOf(message) }]
    })
    const { one } = link(url)
    await expect(one.ask(ASK)).rejects.toMatchObject({ code: 'away' })
    expect(await one.ask(ASK)).toEqual({ bolt11: undefined })
  })

  it('dials until there is an edge, while asks wait', async () => {
    const first = await edge(() => [])
    const { port } = first.server.address() as AddressInfo
    await stops.pop()?.()
    const { one, seen } = link(first.url)
    await expect.poll(() => seen.changes.length).toBeGreaterThan(2)
    const asked = one.ask(ASK)
    const server = new WebSocketServer({ port, host: '127.0.0.1' })
    stops.push(() => {
      for (const client of server.clients) client.terminate()
      server.close()
    })
    server.on('connection', (socket) =>
      socket.on('message', () => socket.send(JSON.stringify({ type: 'done', id: 1 }))),
    )
    expect(await asked).toEqual({ bolt11: undefined })
    expect(seen.changes.at(-1)).toBe('here')
  })
})

describe('the book of asks', () => {
  it('has a bounded number under way, in order', async () => {
    const book = new AskBook()
    const sent: number[] = []
    book.opened((message) => sent.push(idOf(message)))
    const { signal } = new AbortController()
    const all = Array.from({ length: MAX_SETTLER_ASKS + 5 }, () => book.ask(ASK, signal))
    expect(sent).toHaveLength(MAX_SETTLER_ASKS)
    for (let id = 1; id <= all.length; id++) book.answered({ type: 'done', id })
    await Promise.all(all)
    expect(sent).toEqual(all.map((_, n) => n + 1))
  })

  it('lets a thousand wait and no more, until they are not wanted or time is over', async () => {
    const book = new AskBook()
    const stop = new AbortController()
    const all = Array.from({ length: 1000 }, () => book.ask(ASK, stop.signal).catch((e) => e.code))
    await expect(book.ask(ASK, stop.signal)).rejects.toMatchObject({ code: 'busy' })
    stop.abort()
    expect(new Set(await Promise.all(all))).toEqual(new Set(['aborted']))
    await expect(book.ask(ASK, AbortSignal.timeout(1))).rejects.toMatchObject({ code: 'timeout' })
  })
})

describe('the address of the edge', () => {
  it.each([
    ['https://edge.example.org/', 'wss://edge.example.org/v1/settler/connect'],
    ['http://127.0.0.1:8787', 'ws://127.0.0.1:8787/v1/settler/connect'],
    ['wss://example.org/infernet', 'wss://example.org/infernet/v1/settler/connect'],
  ])('%s is dialled at %s', (edgeUrl, url) => {
    expect(settlerUrl(edgeUrl, false)).toBe(url)
  })

  it('shows the token to nobody on the way, unless it is told to', () => {
    expect(() => settlerUrl('http://edge:8787', false)).toThrow('not encrypted')
    expect(settlerUrl('http://edge:8787', true)).toBe('ws://edge:8787/v1/settler/connect')
    expect(() => settlerUrl('edge.example.org', false)).toThrow('not an edge URL')
  })
})
