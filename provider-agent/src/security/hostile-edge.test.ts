import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { CLOSE } from '@infernet/schemas/close-codes'
import { encodeFrame, FRAME, type FrameType } from '@infernet/schemas/frame'
import { encodeControl } from '@infernet/schemas/wire'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../clock.ts'
import { challengeOf } from '../doctor/challenge.ts'
import { edgeChecks } from '../doctor/edge-checks.ts'
import { runChecks } from '../doctor/run-checks.ts'
import { askEarnings } from '../edge-api/ask-earnings.ts'
import { MAX_EDGE_ANSWER_BYTES } from '../edge-api/ask-edge.ts'
import { connectEngine } from '../engines/openai-http/engine-connection.ts'
import { HttpRenderer } from '../engines/openai-http/http-renderer.ts'
import { OpenAiHttpEngine } from '../engines/openai-http/openai-http.ts'
import { edgeAddress } from '../link/edge-address.ts'
import type { LinkEnd } from '../link/link-end.ts'
import { Link } from '../link/link.ts'
import { plainLines, plainText } from '../plain-text.ts'
import { readSlash } from '../slashes/slash-source.ts'
import { FakeEdge, type FakeEdgeOptions } from '../testing/fake-edge.ts'
import { FakeEngine } from '../testing/fake-engine.ts'
import { SELF_SIGNED } from '../testing/self-signed.ts'
import { privateServer, threatenedAgent } from './threatened-agent.ts'

const MAIN = join(import.meta.dirname, '../cli/main.ts')
const MODEL = 'big-model'
const ENGINE_KEY = 'sk-engine-0123456789abcdef'
const hello = { messages: [{ role: 'user', content: 'hello' }] }
const ORDERS = [FRAME.job, FRAME.cancel, FRAME.credit, FRAME.drain, FRAME.receiptAck] as const
const ASKS = [FRAME.invoiceRequest, FRAME.openRequest, FRAME.score, FRAME.render] as const

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function world(options: FakeEdgeOptions = {}) {
  const engine = new FakeEngine()
  await engine.start()
  const made = await threatenedAgent(
    new OpenAiHttpEngine({ url: engine.url, key: ENGINE_KEY, models: [] }),
    options,
  )
  closing.push(
    () => engine.close(),
    () => made.close(),
  )
  return { ...made, engine }
}

async function hiddenServer() {
  const hidden = await privateServer()
  closing.push(() => hidden.close())
  return hidden
}

/** Processes that this one has started. */
const children = (): string[] =>
  readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  )

describe('a hostile edge', () => {
  it.each([301, 302, 307, 308])('leads nobody elsewhere with HTTP %i', async (status) => {
    const hidden = await hiddenServer()
    const location = `${hidden.url}/admin`
    const edge = new FakeEdge({
      http: (_, response) => void response.writeHead(status, { location }).end(),
    })
    await edge.start()
    closing.push(() => edge.close())
    const { identity } = await world()
    await expect(askEarnings(edge.url, identity, Date.now())).rejects.toThrow('sends elsewhere')
    const slash = `${edge.url}/v1/slashes/slash_${'0'.repeat(32)}`
    await expect(readSlash(slash, identity, Date.now())).rejects.toThrow('sends elsewhere')
    expect(hidden.visits).toEqual([])
  })

  it('leads no connection elsewhere either', async () => {
    const hidden = await hiddenServer()
    const server = createServer().on('upgrade', (_, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nlocation: ${hidden.url}/\r\n\r\n`)
    })
    const { signal } = new AbortController()
    const dialled = challengeOf(edgeAddress(await listening(server)), signal)
    await expect(dialled).rejects.toThrow('302')
    expect(hidden.visits).toEqual([])
  })

  it('has no command run and no file written by anything it orders', async () => {
    const { edge, engine, folder } = await world()
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    await session.answer(1)
    const before = { processes: children(), files: readdirSync(folder).toSorted() }
    const words = ['$(touch x)', '`id`', '; id', '../../key.pem', '/etc/passwd', '-rf', 'a\0b']
    const served = engine.requests.length
    for (const [i, word] of words.entries()) {
      session.give(10 + i, hello, { model: word })
      expect((await session.answer(10 + i)).types).toEqual([FRAME.busy])
    }
    expect(engine.requests).toHaveLength(served)
    expect({ processes: children(), files: readdirSync(folder).toSorted() }).toEqual(before)
  })

  it.each([
    ['a lease', FRAME.openRequest, { lease: '../../key.pem' }],
    ['a receipt', FRAME.receiptAck, { results: [{ lease: '/etc/passwd', status: 'stored' }] }],
    [
      'a payout',
      FRAME.invoiceRequest,
      { id: 1, payout: '../../x', attempt: 1, amount_msat: '1000' },
    ],
  ] as const)('is sent away for the name of %s that is a path', async (_, type, payload) => {
    const { edge } = await world()
    const session = await edge.session()
    session.send(type, 0, encodeControl(payload))
    await session.until(() => session.closed, 'close')
    expect(session.closed?.code).toBe(CLOSE.protocol)
  })

  it('can say what it likes: the agent comes back and serves', async () => {
    const { edge } = await world()
    const junk = fc.sample(
      fc.record({
        type: fc.constantFrom<FrameType>(...ORDERS, ...ASKS),
        channel: fc.constantFrom(0, 1, 2 ** 32 - 1),
        payload: fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.jsonValue().map((value) => encodeControl(value)),
        ),
      }),
      { numRuns: 60, seed: 6 },
    )
    let logins = 1
    let session = await edge.session(logins)
    for (const { type, channel, payload } of junk) {
      if (type === FRAME.credit && payload.length > 4) continue
      session.send(type, channel, payload)
      session.send(FRAME.openRequest, 0, encodeControl({ lease: leaseOf(newJobId(1), 1) }))
      const answered = session.of(0, FRAME.opening).length
      const seen = session
      await seen.until(
        () => seen.closed ?? (seen.of(0, FRAME.opening).length > answered || undefined),
        `answer to ${type} on ${channel}`,
      )
      if (seen.closed !== undefined) session = await edge.session(++logins)
    }
    expect(logins).toBeGreaterThan(20)
    session.give(7, hello, { model: MODEL })
    expect((await session.answer(7)).end?.finish_reason).toBe('stop')
  })

  it('never hears a secret, whatever it orders', async () => {
    const { edge, folder } = await world()
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    session.give(2, { messages: 'none' }, { model: MODEL })
    await Promise.all([session.answer(1), session.answer(2)])
    session.send(FRAME.openRequest, 0, encodeControl({ lease: leaseOf(newJobId(1), 1) }))
    await session.until(() => session.of(0, FRAME.opening)[0], 'opening')
    const said = Buffer.concat(session.frames.map(({ payload }) => payload)).toString('latin1')
    const pem = readFileSync(join(folder, 'key.pem'), 'utf8')
    for (const secret of [ENGINE_KEY, pem.split('\n')[1] ?? '', folder]) {
      expect(secret).not.toBe('')
      expect(said).not.toContain(secret)
    }
  })

  it('cannot fill the memory with answers that it does not read', async () => {
    const edge = new FakeEdge()
    await edge.start()
    closing.push(() => edge.close())
    const { identity } = await world()
    const answer = new Uint8Array(8 * 1024 * 1024)
    let written = 0
    const { promise: ended, resolve } = Promise.withResolvers<LinkEnd>()
    const link = new Link({
      edge: edgeAddress(edge.url),
      identity,
      capability: () => ({
        models: [],
        slots: 1,
        data_collection: 'deny',
        engine: 'tiny',
        agent: 'test',
      }),
      clock: systemClock,
      onReady: () => {},
      onFrame: () => {
        written++
        link.write(FRAME.opening, 0, answer)
      },
      onCongested: () => {},
      onEnd: resolve,
    })
    const session = await edge.session()
    session.socket.pause()
    const ask = encodeFrame(FRAME.openRequest, 0, encodeControl({ lease: 'any' }))
    session.socket.send(Buffer.concat(Array.from({ length: 4_096 }, () => Buffer.from(ask))))
    expect((await ended).reason).toContain('does not read')
    expect(written * answer.length).toBeLessThan(256 * 1024 * 1024)
  })

  it.each([
    { type: 'image_url', image_url: { url: 'http://10.0.0.1/' } },
    { type: 'text', text: 'hi', uuid: 'x', video_url: 'http://10.0.0.1/' },
  ])('has a verifier’s engine render no address: %j', async (part) => {
    const engine = await hiddenServer()
    const alias = { id: MODEL, engineName: MODEL }
    const renderer = new HttpRenderer(connectEngine(engine.url, undefined), { alias, kind: 'vllm' })
    const body = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: [part] }] }))
    const order = { model: MODEL, endpoint: 'chat.completions', continues: false } as const
    const { signal } = new AbortController()
    await renderer.render({ ...order, body, output: [1] }, false, signal).catch(() => {})
    expect(engine.bodies.join()).not.toContain('10.0.0.1')
  })

  it('puts no words of its own into a command that the owner is told to type', async () => {
    const edge = new FakeEdge({ audience: 'edge.example; rm -rf "$HOME"' })
    await edge.start()
    closing.push(() => edge.close())
    const { signal } = new AbortController()
    const checks = edgeChecks({ edge: edge.url, now: Date.now })
    const results = await runChecks(checks, { signal, now: () => 0 })
    const fix = results.find(({ id }) => id === 'edge_websocket')?.fix
    expect(fix).toContain(`--edge 'https://edge.example; rm -rf "$HOME"'`)
  })

  it('is offered no compression, so that no message can grow', async () => {
    const { promise, resolve } = Promise.withResolvers<IncomingHttpHeaders>()
    const server = createServer().on('upgrade', ({ headers }, socket) => {
      resolve(headers)
      socket.destroy()
    })
    const { signal } = new AbortController()
    await expect(challengeOf(edgeAddress(await listening(server)), signal)).rejects.toThrow()
    expect(await promise).not.toHaveProperty('sec-websocket-extensions')
  })

  it('cannot fill the memory with an answer that grows when it is unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(MAX_EDGE_ANSWER_BYTES + 1))
    expect(bomb.length).toBeLessThan(100_000)
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    })
    const { identity } = await world()
    const asked = askEarnings(await listening(server), identity, Date.now())
    await expect(asked).rejects.toThrow('too long')
  })

  it('is believed by its certificate alone', async () => {
    let visits = 0
    const server = createTlsServer(SELF_SIGNED).on('upgrade', (_, socket) => {
      visits++
      socket.destroy()
    })
    const url = (await listening(server)).replace('http:', 'https:')
    const { signal } = new AbortController()
    await expect(challengeOf(edgeAddress(url), signal)).rejects.toThrow(/certificate/)
    expect(visits).toBe(0)
  })

  it('cannot write over the owner’s terminal', async () => {
    const evil = '\u001B]0;owned\u0007\u001B[2J\u009B31mgone\r\nconnected\u202E'
    const body = JSON.stringify({ error: { message: evil } })
    const refused = await world({ refuseWith: { status: 403, body } })
    await expect
      .poll(() => refused.events.find(({ event }) => event === 'disconnected'))
      .toBeDefined()
    const drained = await world()
    const session = await drained.edge.session()
    session.send(FRAME.drain, 0, encodeControl({ reason: evil }))
    await session.until(() => session.closed, 'close')
    const told = drained.events.find(({ event }) => event === 'edge_drains')
    expect(told).toBeDefined()
    for (const event of [...refused.events, ...drained.events]) {
      for (const text of Object.values(event)) {
        expect(plainText(String(text))).toBe(String(text))
      }
    }
  })

  it('cannot write over it by an answer to a command either', async () => {
    const evil = '\u001B]0;owned\u0007\u001B[2J\u009B31mgone\rok\u202E'
    const server = createServer(({ url }, response) => {
      const isReceipt = url?.includes('/receipts/') === true
      response.writeHead(isReceipt ? 200 : 403)
      response.end(JSON.stringify(isReceipt ? { id: evil } : { error: { message: evil } }))
    })
    const flags = [
      '--edge',
      await listening(server),
      '--data',
      mkdtempSync(join(tmpdir(), 'infernet-')),
    ]
    await said(['keys', '--data', flags[3] ?? ''])
    const commands = [['receipt', 'fetch', 'job_1'], ['slash', 'show'], ['earnings']]
    for (const command of commands) {
      const text = await said([...command, ...flags])
      expect(text).toMatch(/gone/)
      expect(plainLines(text)).toBe(text)
    }
  })
})

/** What a command writes, on both of its outputs. */
async function said(command: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...command])
  let text = ''
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (part: string) => (text += part))
  }
  await once(child, 'close')
  return text
}

/** The address of a server that listens until the test is over. */
async function listening(server: Server | TlsServer): Promise<string> {
  closing.push(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
