import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeOpening, encodeScoreRequest } from '@infernet/schemas/audit-wire'
import { CLOSE } from '@infernet/schemas/close-codes'
import { encodeFrame, FRAME } from '@infernet/schemas/frame'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import {
  fromBase64Url,
  openBatch,
  parseStatement,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import {
  busySchema,
  decodeControl,
  encodeControl,
  loadSchema,
  receiptsSchema,
  type Load,
} from '@infernet/schemas/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { Agent, type AgentEnd } from './agent.ts'
import type { Role } from './capability.ts'
import { systemClock } from './clock.ts'
import { contentOf } from './engines/engine-conformance.ts'
import type { Engine } from './engines/engine.ts'
import { demoModel } from './engines/model-file.ts'
import { OpenAiHttpEngine } from './engines/openai-http/openai-http.ts'
import { TinyEngine } from './engines/tiny.ts'
import { EventLog, type AgentEvent, type EventName } from './events.ts'
import { loadIdentity } from './identity.ts'
import { edgeAddress } from './link/edge-address.ts'
import { openPayoutDesk } from './payout/open-payout-desk.ts'
import { FakeEdge, type FakeEdgeOptions, type FakeSession } from './testing/fake-edge.ts'
import { FakeEngine } from './testing/fake-engine.ts'

const MODEL = 'big-model'
const hello = { model: MODEL, messages: [{ role: 'user', content: 'hello' }], stream: true }

interface World {
  readonly edge: FakeEdge
  readonly server: FakeEngine
  readonly agent: Agent
  readonly events: AgentEvent[]
  readonly log: EventLog
  readonly ended: Promise<AgentEnd>
  readonly outboxPath: string
}

const worlds: World[] = []
afterEach(async () => {
  for (const { agent, edge, server, ended } of worlds.splice(0)) {
    agent.stop()
    await edge.close()
    await ended
    await server.close()
  }
})

interface WorldOptions extends FakeEdgeOptions {
  readonly role?: Role
  /** Instead of a server that numbers words. */
  readonly engine?: Engine
  readonly slots?: number
  readonly drainGraceMs?: number
  readonly directory?: string
}

/** An edge, an engine and an agent between them. */
async function world(options: WorldOptions = {}): Promise<World> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'infernet-'))
  const edge = new FakeEdge(options)
  await edge.start()
  const server = new FakeEngine()
  await server.start()
  const events: AgentEvent[] = []
  const log = new EventLog((event) => events.push(event), Date.now)
  const probeMs = { up: 20, down: 20 }
  const engine = options.engine ?? new OpenAiHttpEngine({ url: server.url, models: [], probeMs })
  const outboxPath = join(directory, 'outbox')
  const { identity } = loadIdentity(join(directory, 'key.pem'))
  const agent = new Agent({
    edge: edgeAddress(edge.url),
    identity,
    engine,
    ...(options.role === undefined ? {} : { role: options.role }),
    price: { prompt: 100_000, completion: 400_000 },
    slots: options.slots ?? 4,
    payouts: openPayoutDesk(undefined, identity, log),
    outboxPath,
    events: log,
    clock: systemClock,
    random: () => 0,
    drainGraceMs: options.drainGraceMs ?? 5_000,
  })
  const made = { edge, server, agent, events, log, ended: agent.run(), outboxPath }
  worlds.push(made)
  return made
}

const seen = (events: readonly AgentEvent[], name: EventName) =>
  events.filter(({ event }) => event === name)

const loadsOf = (session: FakeSession): Load[] =>
  session.of(0, FRAME.load).map(({ payload }) => decodeControl(loadSchema, payload))

const some = <T>(values: readonly T[]): readonly T[] | undefined =>
  values.length > 0 ? values : undefined

const isBusy = ({ running }: Load): boolean => running > 0

/** Statements of all receipts a session was sent, signatures checked; acknowledges them. */
async function takeReceipts(session: FakeSession, count: number): Promise<ReceiptStatement[]> {
  const receipts = () =>
    session.of(0, FRAME.receipts).map(({ payload }) => decodeControl(receiptsSchema, payload))
  const statementsOf = () =>
    receipts().flatMap(({ statements }) => statements.map((s) => parseStatement(fromBase64Url(s))!))
  await session.until(() => statementsOf().length >= count || undefined, `${count} receipts`)
  for (const batch of receipts()) {
    const opened = await openBatch(session.hello!.peer as never, batch)
    expect(opened).toHaveLength(batch.statements.length)
    const results = opened!.map(({ bytes }) => ({
      lease: parseStatement(bytes)!.lease,
      status: 'stored',
    }))
    session.send(FRAME.receiptAck, 0, encodeControl({ results }))
  }
  return statementsOf()
}

describe('logging in', () => {
  it('presents its models, prices and slots', async () => {
    const { edge } = await world({ slots: 3 })
    const { hello: login } = await edge.session()
    expect(login?.capability).toMatchObject({
      models: [{ id: MODEL, context_length: 128, price: { prompt: 100_000, completion: 400_000 } }],
      slots: 3,
      engine: 'openai-http',
    })
  })

  it('does not answer an edge of another name, and says what is wrong', async () => {
    const { edge, events } = await world({ audience: 'other.example' })
    await expect.poll(() => seen(events, 'disconnected').length).toBeGreaterThan(0)
    expect(seen(events, 'disconnected')[0]).toMatchObject({
      reason: expect.stringContaining('other.example') as string,
    })
    expect(edge.sessions[0]?.closed?.code).toBe(CLOSE.unauthorized)
    expect(edge.sessions[0]?.of(0, FRAME.hello)).toEqual([])
  })

  it('ends when no protocol version is common', async () => {
    const { ended, events } = await world({ versions: { min: 7, max: 9 } })
    expect(await ended).toBe('refused')
    expect(seen(events, 'gave_up')[0]).toMatchObject({
      reason: expect.stringContaining('update infernet-agent') as string,
    })
  })

  it('ends when the edge closes for the version', async () => {
    const { edge, ended } = await world()
    const session = await edge.session()
    session.socket.close(CLOSE.version, 'update infernet-agent')
    expect(await ended).toBe('refused')
  })

  it('shows why an upgrade was refused and keeps trying', async () => {
    const refuseWith = { status: 503, body: '{"error":{"message":"we are full"}}' }
    const { edge, events } = await world({ refuseWith })
    await expect.poll(() => seen(events, 'disconnected').length).toBeGreaterThan(0)
    expect(seen(events, 'disconnected')[0]).toMatchObject({
      reason: 'the edge answered HTTP 503: we are full',
    })
    edge.options = {}
    await edge.session()
  })
})

describe('a job', () => {
  it('streams through: accept, head, data, end, receipt', async () => {
    const { edge, events, log } = await world()
    const session = await edge.session()
    const header = session.give(1, hello, { model: MODEL })
    const { text, types, end } = await session.answer(1)
    expect(types.slice(0, 3)).toEqual([FRAME.accept, FRAME.head, FRAME.data])
    expect(types.at(-1)).toBe(FRAME.end)
    expect(contentOf(text)).toContain('w0 w1 ')
    expect(text).not.toContain('[DONE]')
    expect(end).toMatchObject({ finish_reason: 'stop', usage: { completion_tokens: 40 } })
    expect(end?.output_sha256).toBe(createHash('sha256').update(text).digest('hex'))
    const [statement] = await takeReceipts(session, 1)
    expect(statement).toMatchObject({
      lease: header.lease,
      provider: session.hello?.peer,
      usage: end?.usage,
      output_sha256: end?.output_sha256,
      output_bytes: Buffer.byteLength(text),
      price: header.price,
    })
    expect(seen(events, 'job_done')).toMatchObject([{ lease: header.lease, completion_tokens: 40 }])
    expect(log.counters).toMatchObject({ completionTokens: 40, events: { job_done: 1 } })
  })

  it('answers without a stream in one message', async () => {
    const { edge, server } = await world()
    server.tokens = 3
    const session = await edge.session()
    session.give(1, { ...hello, stream: false }, { model: MODEL, stream: false })
    const { text, types } = await session.answer(1)
    expect(JSON.parse(text)).toMatchObject({ object: 'chat.completion' })
    expect(types).toEqual([FRAME.accept, FRAME.head, FRAME.data, FRAME.end])
    const last = session.messages.find((frames) => frames.some(({ type }) => type === FRAME.end))
    expect(last?.map(({ type }) => type)).toEqual(expect.arrayContaining([FRAME.head, FRAME.data]))
  })

  it('puts the last data and the end into one message', async () => {
    const { edge } = await world()
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    await session.answer(1)
    const last = session.messages.find((frames) => frames.some(({ type }) => type === FRAME.end))
    const data = last?.find(({ type }) => type === FRAME.data)
    expect(data?.payload.toString()).toContain('"finish_reason":"stop"')
  })

  it('is refused at once when the slots are full or the model is unknown', async () => {
    const { edge, server } = await world({ slots: 1 })
    server.tokenMs = 5
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    session.give(2, hello, { model: MODEL })
    session.give(3, hello, { model: 'unknown' })
    await session.answer(2)
    await session.answer(3)
    const reasonOn = (channel: number) =>
      decodeControl(busySchema, session.of(channel, FRAME.busy)[0]!.payload).reason
    expect([reasonOn(2), reasonOn(3)]).toEqual(['slots', 'model_unavailable'])
    expect((await session.answer(1)).end).toBeDefined()
  })

  it('stops its engine when cancelled, ends with what was used, and is receipted', async () => {
    const { edge, server } = await world()
    server.tokenMs = 5
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    await session.until(() => (session.bytesOn(1) > 500 ? true : undefined), 'data')
    session.cancel(1)
    const { end } = await session.answer(1)
    expect(end?.finish_reason).toBe('cancelled')
    await expect.poll(() => server.aborted).toBe(1)
    const [statement] = await takeReceipts(session, 1)
    expect(statement).toMatchObject({ finish_reason: 'cancelled', usage: end?.usage })
    session.cancel(1)
    session.cancel(99)
    session.credit(99, 10)
    session.give(2, hello, { model: MODEL })
    expect((await session.answer(2)).end?.finish_reason).toBe('stop')
  })

  it('waits for credit, and its engine with it', async () => {
    const { edge, server } = await world({ windowBytes: 1_000 })
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    await session.until(() => (session.bytesOn(1) >= 1_000 ? true : undefined), 'a full window')
    await sleep(50)
    expect(session.bytesOn(1)).toBe(1_000)
    session.give(2, { ...hello, max_tokens: 2 }, { model: MODEL })
    expect((await session.answer(2)).end?.finish_reason).toBe('length')
    let credited = 0
    while (session.of(1, FRAME.end).length === 0) {
      const arrived = session.bytesOn(1)
      expect(arrived - credited).toBeLessThanOrEqual(1_000)
      if (arrived > credited) session.credit(1, arrived - credited)
      credited = arrived
      await sleep(2)
    }
    expect(contentOf((await session.answer(1)).text)).toContain('w39 ')
    expect(server.requests).toHaveLength(2)
  })

  it('fails at its deadline', async () => {
    const { edge, server } = await world()
    server.fault = 'silent'
    const session = await edge.session()
    session.give(1, hello, { model: MODEL, deadline_ms: 10 })
    expect((await session.answer(1)).error).toMatchObject({ fault: 'provider', code: 'deadline' })
  })

  it('tells a request’s fault from a provider’s', async () => {
    const { edge, server } = await world()
    const session = await edge.session()
    session.give(1, { model: MODEL }, { model: MODEL })
    expect((await session.answer(1)).error).toMatchObject({ fault: 'request', status: 400 })
    server.fault = 'cut'
    session.give(2, hello, { model: MODEL })
    const broken = await session.answer(2)
    expect(broken.error).toMatchObject({ fault: 'provider' })
    expect(broken.end).toBeUndefined()
    expect(await takeReceipts(session, 1)).toMatchObject([{ finish_reason: 'error' }])
  })

  it.each([true, false])(
    'outlives an engine that miscounts, and claims what can have been said (stream: %s)',
    async (stream) => {
      const { edge, events, server } = await world()
      const session = await edge.session()
      const price = { prompt: 100_000, completion: 6_400_000 }
      const ask = (channel: number) =>
        session.give(channel, { ...hello, stream }, { model: MODEL, stream, price })
      const good = ask(1)
      await session.answer(1)
      server.fault = 'wrong_usage'
      const bad = ask(2)
      const { end } = await session.answer(2)
      const statements = await takeReceipts(session, 2)
      expect(statements.map(({ lease }) => lease)).toEqual([good.lease, bad.lease])
      expect(end?.usage).toEqual(statements[1]?.usage)
      expect(end?.usage.completion_tokens).toBeGreaterThan(0)
      expect(end?.usage.completion_tokens).toBeLessThanOrEqual(64)
      expect(seen(events, 'job_done')).toMatchObject([{ estimated: false }, { estimated: true }])
    },
  )

  it('shows in the load', async () => {
    const { edge, server } = await world()
    server.tokenMs = 20
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    const load = await session.until(() => loadsOf(session).find(isBusy), 'load')
    expect(load).toEqual({ running: 1, waiting: 0, cache_since: expect.any(Number) })
  })

  it('says that what was cached is lost with the engine', async () => {
    const { edge, server } = await world()
    const session = await edge.session()
    const [first] = await session.until(() => some(loadsOf(session)), 'load')
    const { port } = server
    await server.close()
    await session.until(() => some(session.of(0, FRAME.capability)), 'nothing is offered')
    const lost = (load: Load) => load.cache_since !== first?.cache_since
    const after = await session.until(() => loadsOf(session).find(lost), 'another cache')
    expect(after.cache_since).toBeGreaterThan(first?.cache_since ?? 0)
    await server.start(port)
  })
})

describe('a verifier', () => {
  const one = { model: 'infernet-demo', prompt: [1, 2, 3], output: [4, 5, 6] }
  const verifier = () =>
    world({ role: 'verifier', engine: new TinyEngine([demoModel()], Date.now) })

  it('says that it is one, and scores what it is given', async () => {
    const { edge, events } = await verifier()
    const session = await edge.session()
    expect(session.capability).toMatchObject({ role: 'verifier', models: [{ id: one.model }] })
    const [scored, other] = await Promise.all([
      session.askScore({ id: 1, ...one }),
      session.askScore({ id: 2, ...one, model: 'other' }),
    ])
    expect(scored).toMatchObject({ positions: [{ id: 4 }, { id: 5 }, { id: 6 }] })
    expect(other).toEqual({ id: 2, error: "no model 'other' here" })
    expect(seen(events, 'scored')).toMatchObject([{ id: 1, model: one.model, tokens: 3 }])
    expect(seen(events, 'score_failed')).toHaveLength(1)
  })

  it('renders what it is given', async () => {
    const { edge } = await verifier()
    const session = await edge.session()
    const body = Buffer.from(JSON.stringify({ model: one.model, prompt: 'Who?' }))
    const ask = { model: one.model, endpoint: 'completions', continues: false, body } as const
    const [rendered, refused] = await Promise.all([
      session.askRender({ id: 1, ...ask, output: one.output }),
      session.askRender({ id: 2, ...ask, output: [1_000_000] }),
    ])
    expect(rendered).toMatchObject({ text: expect.any(String), prompt: expect.anything() })
    expect(refused).toMatchObject({ error: expect.stringContaining('not in the vocabulary') })
  })

  it('goes on after a break, without what it was doing for a connection that is gone', async () => {
    const { edge, events } = await verifier()
    const session = await edge.session()
    const output = Array.from({ length: 900 }, () => 5)
    session.send(FRAME.score, 0, encodeScoreRequest({ id: 1, ...one, output }))
    await session.askScore({ id: 2, ...one })
    session.socket.terminate()
    const next = await edge.session(2)
    expect(await next.askScore({ id: 3, ...one })).toMatchObject({ positions: { length: 3 } })
    expect(seen(events, 'scored')).toMatchObject([{ id: 2 }, { id: 3 }])
    expect(next.of(0, FRAME.scored)).toHaveLength(1)
  })

  it('tells whoever waits when it is drained', async () => {
    const { agent, edge, ended } = await verifier()
    const session = await edge.session()
    const output = Array.from({ length: 900 }, () => 5)
    const scored = session.askScore({ id: 1, ...one, output })
    const after = session.askScore({ id: 2, ...one, model: 'other' })
    await after
    agent.drain()
    expect(await scored).toEqual({ id: 1, error: 'this verifier is shutting down' })
    expect(await ended).toBe('drained')
  })

  it('needs an engine that scores', async () => {
    const mute = Object.assign(new TinyEngine([demoModel()], Date.now), { score: undefined })
    const { edge, ended, server } = await world({ role: 'verifier', engine: mute as Engine })
    await expect(ended).rejects.toThrow('needs an engine that scores')
    worlds.pop()
    await edge.close()
    await server.close()
  })

  it('is not what a provider is, which says so and goes on', async () => {
    const { edge } = await world()
    const session = await edge.session()
    expect(session.capability?.role).toBeUndefined()
    expect(await session.askScore({ id: 1, ...one })).toMatchObject({
      error: expect.stringContaining('provider') as string,
    })
    session.give(1, hello, { model: MODEL })
    expect((await session.answer(1)).end?.finish_reason).toBe('stop')
  })
})

describe('an audit', () => {
  it('is shown that there is no transcript of a lease', async () => {
    const { edge, events } = await world()
    const session = await edge.session()
    const lease = leaseOf(newJobId(Date.now()), 1)
    session.send(FRAME.openRequest, 0, encodeControl({ lease }))
    const { payload } = await session.until(() => session.of(0, FRAME.opening)[0], 'opening')
    expect(decodeOpening(payload)).toEqual({ lease, transcript: undefined })
    expect(seen(events, 'transcript_opened')).toMatchObject([{ lease, found: false }])
  })
})

describe('the connection', () => {
  it('comes back after a break, without the jobs it lost, and resends receipts', async () => {
    const { edge, server, events } = await world()
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    await session.answer(1)
    await session.until(() => session.of(0, FRAME.receipts)[0], 'receipts')
    server.tokenMs = 20
    session.give(2, hello, { model: MODEL })
    await session.until(() => (session.bytesOn(2) > 0 ? true : undefined), 'data')
    session.socket.terminate()
    const next = await edge.session(2)
    await expect.poll(() => server.aborted).toBe(1)
    expect(seen(events, 'job_lost')).toHaveLength(1)
    const statements = await takeReceipts(next, 2)
    expect(statements.map(({ finish_reason }) => finish_reason)).toEqual(['stop', 'lost'])
    server.tokenMs = 0
    next.give(1, hello, { model: MODEL })
    expect((await next.answer(1)).end?.finish_reason).toBe('stop')
  })

  it('has its receipts though nothing can be stored, and says that nothing can', async () => {
    const { edge, events, agent, outboxPath } = await world()
    const session = await edge.session()
    rmSync(outboxPath, { recursive: true })
    session.give(1, hello, { model: MODEL })
    await session.answer(1)
    const [statement] = await takeReceipts(session, 1)
    expect(statement?.finish_reason).toBe('stop')
    await expect.poll(() => agent.receiptBatchesWaiting).toBe(0)
    agent.stop()
    expect(seen(events, 'receipts_unstored')).toHaveLength(1)
    expect(seen(events, 'receipts_dropped')).toEqual([])
  })

  const NOT_AN_ACK = encodeControl({ results: [{ lease: 'x', status: 'stored' }] })
  it.each([
    ['an unknown frame type', Uint8Array.of(99, 0, 0, 0, 0, 0, 0, 0)],
    ['a truncated frame', Uint8Array.of(6, 0, 0, 9, 0, 0, 0, 1)],
    ['an empty message', new Uint8Array(0)],
    ['a second welcome', encodeFrame(FRAME.welcome, 0, encodeControl({}))],
    ['a job on channel 0', encodeFrame(FRAME.job, 0, Uint8Array.of(0, 0))],
    ['a job without a header', encodeFrame(FRAME.job, 1, Uint8Array.of(0, 2, 123, 125))],
    ['a short credit', encodeFrame(FRAME.credit, 1, Uint8Array.of(1))],
    ['a bad acknowledgement', encodeFrame(FRAME.receiptAck, 0, NOT_AN_ACK)],
    ['an agent’s frame', encodeFrame(FRAME.end, 1, encodeControl({}))],
  ])('closes with 4400 for %s and comes back', async (_, message) => {
    const { edge, events } = await world()
    const session = await edge.session()
    session.socket.send(message)
    await session.until(() => session.closed, 'close')
    expect(session.closed?.code).toBe(CLOSE.protocol)
    await edge.session(2)
    expect(seen(events, 'disconnected')[0]).toMatchObject({
      reason: expect.stringContaining('broke the protocol') as string,
    })
  })

  it('closes when a channel is given twice', async () => {
    const { edge, server } = await world()
    server.tokenMs = 5
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    session.give(1, hello, { model: MODEL })
    await session.until(() => session.closed, 'close')
    expect(session.closed).toEqual({ code: CLOSE.protocol, reason: 'channel 1 is taken' })
  })

  it('leaves an edge that answers no pings', async () => {
    const { edge, events } = await world({ pingIntervalMs: 100, mute: true })
    await edge.session(2)
    expect(seen(events, 'disconnected')[0]).toMatchObject({ reason: 'the edge has gone silent' })
  })

  it('stays with an edge that does', async () => {
    const { edge, events } = await world({ pingIntervalMs: 100 })
    await edge.session()
    await sleep(800)
    expect(seen(events, 'disconnected')).toEqual([])
  })

  it('withdraws its models while the engine is away', async () => {
    const { edge, server } = await world()
    const session = await edge.session()
    const { port } = server
    await server.close()
    await session.until(() => (session.capability?.models.length === 0 ? true : undefined), 'none')
    await server.start(port)
    await session.until(() => (session.capability?.models.length === 1 ? true : undefined), 'one')
  })

  it('does not bother the edge with every move of a nervous engine', async () => {
    const { edge, server, events } = await world()
    const session = await edge.session()
    for (let i = 0; i < 6; i++) {
      const before = seen(events, 'models').length
      server.models = [{ id: `model-${i}` }]
      await expect.poll(() => seen(events, 'models').length).toBeGreaterThan(before)
    }
    expect(session.of(0, FRAME.capability)).toHaveLength(1)
    await session.until(
      () => session.capability?.models.find(({ id }) => id === 'model-5'),
      'the last state',
    )
    expect(session.of(0, FRAME.capability)).toHaveLength(2)
  })
})

describe('draining', () => {
  it('finishes its jobs, refuses others, delivers receipts and closes with 1000', async () => {
    const { agent, edge, server, ended } = await world()
    server.tokenMs = 5
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    await session.until(() => (session.bytesOn(1) > 0 ? true : undefined), 'data')
    agent.drain()
    await session.until(() => session.of(0, FRAME.drain)[0], 'drain')
    session.give(2, hello, { model: MODEL })
    await session.answer(2)
    const busy = decodeControl(busySchema, session.of(2, FRAME.busy)[0]!.payload)
    expect(busy.reason).toBe('draining')
    expect((await session.answer(1)).end?.finish_reason).toBe('stop')
    await takeReceipts(session, 1)
    expect(await ended).toBe('drained')
    expect(session.closed?.code).toBe(1000)
  })

  it('gives jobs back when the grace is over', async () => {
    const { agent, edge, server, ended } = await world({ drainGraceMs: 20 })
    server.fault = 'silent'
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    await session.until(() => session.of(1, FRAME.accept)[0], 'accept')
    agent.drain()
    expect((await session.answer(1)).error).toMatchObject({ code: 'provider_stopping' })
    expect(await ended).toBe('drained')
  })

  it('stops at the second call', async () => {
    const { agent, edge, server, ended } = await world()
    server.fault = 'silent'
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    await session.until(() => session.of(1, FRAME.accept)[0], 'accept')
    agent.drain()
    agent.drain()
    expect(await ended).toBe('drained')
    expect((await session.answer(1)).error).toMatchObject({ code: 'provider_stopping' })
  })

  it('follows the edge’s drain: finishes, leaves, comes back', async () => {
    const { edge, server } = await world()
    server.tokenMs = 5
    const session = await edge.session()
    session.give(1, hello, { model: MODEL })
    await session.until(() => (session.bytesOn(1) > 0 ? true : undefined), 'data')
    session.send(FRAME.drain, 0, encodeControl({ reason: 'a new version' }))
    expect((await session.answer(1)).end?.finish_reason).toBe('stop')
    await takeReceipts(session, 1)
    const next = await edge.session(2)
    expect(session.closed?.code).toBe(1000)
    next.give(1, hello, { model: MODEL })
    expect((await next.answer(1)).end?.finish_reason).toBe('stop')
  })

  it('stops while there is no connection', async () => {
    const { agent, edge, ended } = await world({ refuseWith: { status: 500, body: '' } })
    await sleep(20)
    agent.drain()
    expect(await ended).toBe('drained')
    expect(edge.sessions).toEqual([])
  })
})
