import { once } from 'node:events'
import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { request, type IncomingMessage, type Server } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jsonLine } from '../cli/event-lines.ts'
import type { AgentEvent } from '../events.ts'
import { modelListSchema, statusOf } from './agent-status.ts'
import { AgentWatch } from './agent-watch.ts'
import { agentLines, askAgent } from './control-client.ts'
import { ControlError } from './control-error.ts'
import { MAX_EVENTS_KEPT, MAX_EVENTS_KEPT_CHARS, MAX_FOLLOWERS } from './control-limits.ts'
import { controlServer } from './control-server.ts'
import { listenAt } from './control-socket.ts'

const busy = (model: string): AgentEvent => ({ event: 'job_busy', reason: 'slots', model })
const FACTS = {
  version: '0',
  pid: 1,
  service: undefined,
  role: 'provider',
  peer: 'p',
  edge: 'e',
  startedAt: 0,
}
const LIVE = {
  jobsRunning: 0,
  load: undefined,
  receiptBatchesWaiting: 0,
  jobsMemory: undefined,
  rssBytes: 1,
}

let directory: string
let socket: string
let watch: AgentWatch
let closing: AbortController
let drains: number
const servers: Server[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'infernet-'))
  socket = join(directory, 'control.sock')
  watch = new AgentWatch(jsonLine, () => 0)
  closing = new AbortController()
  drains = 0
})
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

function newServer(): Server {
  const server = controlServer({
    watch,
    closing: closing.signal,
    status: () => statusOf(watch.state, FACTS, LIVE, { now: () => 0, monotonic: () => 0 }),
    models: () => [],
    drain: () => drains++,
  })
  servers.push(server)
  return server
}

/** The status and body of a raw request. */
async function raw(
  method: string,
  path: string,
  headers = {},
  body = '',
): Promise<[number, string]> {
  const asking = request({ socketPath: socket, method, path, headers, agent: false })
  asking.end(body)
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  return [response.statusCode ?? 0, (await response.setEncoding('utf8').toArray()).join('')]
}

describe('the control socket', () => {
  it('goes to one of many that start at once, over what a dead process has left', async () => {
    for (let round = 0; round < 20; round++) {
      // A file refuses connections as a dead process's socket does.
      if (round % 2 === 0) writeFileSync(socket, '')
      const tries = await Promise.allSettled(
        Array.from({ length: 5 }, () => listenAt(newServer(), socket)),
      )
      const won = tries.filter((one) => one.status === 'fulfilled')
      const lost = tries.flatMap((one) =>
        one.status === 'rejected' ? [one.reason as unknown] : [],
      )
      expect(won).toHaveLength(1)
      for (const error of lost) expect(error).toMatchObject({ code: 'already_running' })
      expect(statSync(socket).mode & 0o777).toBe(0o600)
      expect(
        await askAgent({ socket, method: 'GET', path: '/models' }, modelListSchema),
      ).toBeDefined()
      for (const { value } of won) value()
      expect(readdirSync(directory)).toEqual([])
    }
  })

  it('is not removed by one that has it no more', async () => {
    const first = newServer()
    const remove = await listenAt(first, socket)
    first.close()
    await listenAt(newServer(), socket)
    remove()
    expect((await raw('GET', '/models'))[0]).toBe(200)
  })

  it('tells nobody there from somebody who does not understand', async () => {
    const ask = () => askAgent({ socket, method: 'GET', path: '/models' }, modelListSchema)
    await expect(ask()).rejects.toMatchObject({ code: 'not_running' })
    const stranger = createServer((peer) =>
      peer.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
    )
    stranger.listen(socket)
    await once(stranger, 'listening')
    await expect(ask()).rejects.toMatchObject({ code: 'bad_answer' })
    stranger.close()
  })
})

describe('what is asked at it', () => {
  beforeEach(() => listenAt(newServer(), socket))

  it.each([
    ['GET', '/', 404],
    ['DELETE', '/status', 404],
    ['POST', '/status', 404],
    ['GET', '/drain', 404],
    ['GET', '/events?tail=-1', 400],
    ['GET', '/events?tail=9999999', 400],
    ['GET', '/status?x=1', 200],
    ['POST', '/drain', 202],
  ])('%s %s answers %i', async (method, path, status) => {
    expect((await raw(method, path))[0]).toBe(status)
    expect(drains).toBe(status === 202 ? 1 : 0)
  })

  it('is short', async () => {
    const [big] = await raw('GET', '/status', { 'x-long': 'x'.repeat(5_000) })
    expect(big).toBe(431)
    const [withBody] = await raw('POST', '/drain', { 'content-length': '3' }, '{} ')
    expect(withBody).toBe(413)
    const [chunked] = await raw('POST', '/drain', { 'transfer-encoding': 'chunked' }, '{}')
    expect(chunked).toBe(413)
    expect(drains).toBe(0)
  })

  it('is the latest events, as many as there is room for', async () => {
    for (let n = 0; n < 100_000; n++) watch.take(busy(`m${n}`), n)
    const [, all] = await raw('GET', '/events')
    const lines = all.trim().split('\n')
    expect(lines.length).toBeLessThanOrEqual(MAX_EVENTS_KEPT)
    expect(lines.length).toBeGreaterThan(MAX_EVENTS_KEPT / 2)
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ event: 'job_busy', model: 'm99999' })
    const [, two] = await raw('GET', '/events?tail=2')
    expect(two.trim().split('\n')).toEqual(lines.slice(-2))
    expect((await raw('GET', '/events?tail=0'))[1]).toBe('')
    for (let n = 0; n < 100; n++) watch.take(busy('x'.repeat(100_000)), n)
    expect((await raw('GET', '/events'))[1].length).toBeLessThan(MAX_EVENTS_KEPT_CHARS)
  })

  it('is followed until the agent ends', async () => {
    watch.take(busy('before'), 0)
    const lines = agentLines({ socket, method: 'GET', path: '/events?tail=1&follow=1' })
    const next = async () => JSON.parse(String((await lines.next()).value)) as { model: string }
    expect((await next()).model).toBe('before')
    for (const model of ['a', 'b']) {
      watch.take(busy(model), 0)
      expect((await next()).model).toBe(model)
    }
    closing.abort()
    expect((await lines.next()).done).toBe(true)
    await expect.poll(() => watch.followers).toBe(0)
  })

  it('is followed by some, and none who does not read', async () => {
    const sockets = Array.from({ length: MAX_FOLLOWERS }, () => {
      const peer = connect(socket).pause()
      peer.write('GET /events?follow=1 HTTP/1.1\r\nhost: a\r\n\r\n')
      peer.on('error', () => {})
      return peer
    })
    await expect.poll(() => watch.followers).toBe(MAX_FOLLOWERS)
    const ninth = agentLines({ socket, method: 'GET', path: '/events?follow=1' }).next()
    await expect(ninth).rejects.toThrow(ControlError)
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 200; n++) {
      watch.take(busy('x'.repeat(50_000)), n)
      await new Promise(setImmediate)
    }
    await expect.poll(() => watch.followers).toBe(0)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25)
    for (const peer of sockets) peer.destroy()
  })
})
