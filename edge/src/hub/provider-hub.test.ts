import { CLOSE } from '@infernet/schemas/close-codes'
import {
  CONNECTION_CHANNEL,
  encodeFrame,
  FRAME,
  PING_TEXT,
  PONG_TEXT,
} from '@infernet/schemas/frame'
import { newJobId, newRequestId } from '@infernet/schemas/ids'
import {
  CHALLENGE_TTL_MS,
  JOB_WINDOW_BYTES,
  MAX_CLOCK_SKEW_MS,
  MAX_CONTROL_BYTES,
  MAX_SLOTS,
} from '@infernet/schemas/limits'
import { encodeControl } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { ACCEPT_TIMEOUT_MS, MAX_JOBS, MAX_PROVIDERS } from '../limits.ts'
import type { JobOrder } from '../ports.ts'
import { answerJson, answerStream, readEvents } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { FakeProvider, modelOffer, newProviderKey } from '../testing/fake-provider.ts'
import { capabilityOf, startEdge, type TestEdge } from '../testing/test-edge.ts'

const challenged = (edge: TestEdge): FakeProvider => new FakeProvider(edge.hub).connect()
const goodHello = (edge: TestEdge, provider: FakeProvider) =>
  provider.hello({ capability: capabilityOf(), now: edge.clock.now() })

describe('login', () => {
  it('welcomes a good hello and serves its models at once', async () => {
    const edge = await startEdge()
    const provider = await edge.provider({ models: [modelOffer('tiny'), modelOffer('large')] })
    expect(provider.control).toEqual([FRAME.welcome])
    expect(provider.saved).toMatchObject({ stage: 'ready', peer: provider.peer })
    expect(edge.hub.directory().models.map(({ id }) => id)).toEqual(['tiny', 'large'])
    expect(edge.store.seen).toHaveLength(1)
  })

  it('answers ping at every stage', async () => {
    const edge = await startEdge()
    const provider = challenged(edge)
    await provider.deliver(PING_TEXT)
    await provider.login(goodHello(edge, provider))
    await provider.deliver(PING_TEXT)
    expect(provider.texts).toEqual([PONG_TEXT, PONG_TEXT])
  })

  it('refuses a hello that answers another challenge', async () => {
    const edge = await startEdge()
    const first = challenged(edge)
    const recorded = goodHello(edge, first)
    await first.login(recorded)
    const replayer = challenged(edge)
    await replayer.login(recorded)
    expect(replayer.closed).toMatchObject({ code: CLOSE.unauthorized })
    expect(first.closed).toBeUndefined()
    expect(edge.hub.providers).toBe(1)
  })

  it('refuses a hello that another key has signed', async () => {
    const edge = await startEdge()
    const provider = challenged(edge)
    const now = edge.clock.now()
    await provider.login(provider.hello({ capability: capabilityOf(), now, key: newProviderKey() }))
    expect(provider.closed).toMatchObject({ code: CLOSE.unauthorized })
  })

  it.each([
    ['behind', -1],
    ['ahead of', 1],
  ])('refuses a clock that is %s ours, and says so', async (direction, sign) => {
    const edge = await startEdge()
    const provider = challenged(edge)
    const now = edge.clock.now() + sign * (MAX_CLOCK_SKEW_MS + 1)
    await provider.login(provider.hello({ capability: capabilityOf(), now }))
    expect(provider.closed?.code).toBe(CLOSE.unauthorized)
    expect(provider.closed?.reason).toContain(direction)
  })

  it('refuses a version that it does not speak, and names its own', async () => {
    const edge = await startEdge()
    const provider = challenged(edge)
    await provider.login({ ...goodHello(edge, provider), version: 2 })
    expect(provider.closed?.code).toBe(CLOSE.version)
    expect(provider.closed?.reason).toMatch(/speaks protocol 1, the agent 2/)
  })

  it('closes a connection that does not log in, however often it says ping', async () => {
    const edge = await startEdge()
    const provider = challenged(edge)
    edge.clock.advance(CHALLENGE_TTL_MS / 2)
    await provider.deliver(PING_TEXT)
    edge.clock.advance(CHALLENGE_TTL_MS / 2)
    expect(provider.closed).toMatchObject({ code: CLOSE.unauthorized })
    await provider.login(goodHello(edge, provider))
    expect(edge.hub.providers).toBe(0)
  })

  it('does not disturb a provider that logged in, when its challenge gets old', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    edge.clock.advance(CHALLENGE_TTL_MS)
    expect(provider.closed).toBeUndefined()
  })

  it('admits nobody whose connection ended while the hello was judged', async () => {
    const edge = await startEdge()
    const provider = challenged(edge)
    const judged = provider.login(goodHello(edge, provider))
    provider.vanish()
    await judged
    expect(edge.hub.providers).toBe(0)
    expect(edge.hub.directory().models).toEqual([])
  })

  it('admits nobody who sends more before the welcome', async () => {
    const edge = await startEdge()
    const provider = challenged(edge)
    const judged = provider.login(goodHello(edge, provider))
    provider.sendControl(FRAME.load, { running: 0, waiting: 0 })
    await judged
    expect(provider.closed).toMatchObject({ code: CLOSE.protocol })
    expect(edge.hub.providers).toBe(0)
  })

  const strangers: [string, Uint8Array | string][] = [
    ['text', 'hello'],
    ['nothing', new Uint8Array()],
    ['a truncated frame', Uint8Array.of(FRAME.hello, 0, 0)],
    ['an unknown frame', encodeUnknown()],
    ['another frame', encodeFrame(FRAME.drain, CONNECTION_CHANNEL, encodeControl({ reason: '' }))],
    ['a hello on a job channel', encodeFrame(FRAME.hello, 1, encodeControl({ version: 1 }))],
    ['a hello that is no JSON', encodeFrame(FRAME.hello, 0, new TextEncoder().encode('{"ver'))],
    ['an empty hello', encodeFrame(FRAME.hello, 0, encodeControl({ version: 1 }))],
  ]
  it.each(strangers)('closes a stranger who sends %s', async (_, message) => {
    const edge = await startEdge()
    const provider = challenged(edge)
    await provider.deliver(message)
    expect(provider.closed).toMatchObject({ code: CLOSE.protocol })
    expect(edge.hub.providers).toBe(0)
  })

  it('replaces the older connection of the same key', async () => {
    const edge = await startEdge()
    const older = await edge.provider()
    const answer = edge.chat({ stream: true })
    await older.jobs.next()
    const newer = await edge.provider({}, older.key)
    expect(older.closed).toMatchObject({ code: CLOSE.replaced })
    expect(await errorOf(await answer)).toMatchObject({ status: 502 })
    expect(edge.hub.providers).toBe(1)
    older.vanish()
    expect(edge.hub.providers).toBe(1)
    const again = edge.chat()
    answerJson(await newer.jobs.next())
    expect((await again).status).toBe(200)
  })

  it('turns connections away when it is full', async () => {
    const edge = await startEdge()
    const waiting = Array.from({ length: MAX_PROVIDERS }, () => challenged(edge))
    expect(challenged(edge).closed).toMatchObject({ code: CLOSE.overloaded })
    waiting[0]!.vanish()
    expect(challenged(edge).closed).toBeUndefined()
  }, 30_000)

  it('takes up connections that outlived it', async () => {
    const before = await startEdge()
    const edge = await startEdge()
    const known = await before.provider()
    const strange = challenged(before)
    const ready = new FakeProvider(edge.hub, known.key)
    edge.hub.restored(ready.socket, known.saved!)
    const late = new FakeProvider(edge.hub, strange.key)
    edge.hub.restored(late.socket, strange.saved!)
    const answer = edge.chat()
    answerJson(await ready.jobs.next())
    expect((await answer).status).toBe(200)
    await late.login(goodHello(edge, strange))
    expect(edge.hub.providers).toBe(2)
  })
})

function encodeUnknown(): Uint8Array {
  const frame = encodeFrame(FRAME.accept, CONNECTION_CHANNEL, new Uint8Array())
  frame[0] = 99
  return frame
}

/** A message of one frame whose header lies about its length. */
function withLength(frame: Uint8Array, length: number): Uint8Array {
  const message = frame.slice()
  new DataView(message.buffer).setUint32(0, ((message[0] ?? 0) << 24) | length)
  return message
}

/** A job that waits at one of two providers; `next` is its offer to the other. */
async function offered() {
  const edge = await startEdge()
  const other = await edge.provider()
  const provider = await edge.provider()
  const answer = edge.chat({ stream: true })
  const job = await provider.jobs.next()
  return { edge, answer, job, provider, other, next: other.jobs.next() }
}

type Offered = Awaited<ReturnType<typeof offered>>

describe('a provider that breaks the protocol', () => {
  const breaches: [string, number, (test: Offered) => void][] = [
    ['data before accept', CLOSE.protocol, ({ job }) => job.data('x')],
    [
      'head before accept',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.head, encodeControl({})))
      },
    ],
    ['data before head', CLOSE.protocol, ({ job }) => job.accept().data('x')],
    ['end before head', CLOSE.protocol, ({ job }) => job.accept().end()],
    ['accept twice', CLOSE.protocol, ({ job }) => job.accept().accept()],
    ['busy after accept', CLOSE.protocol, ({ job }) => job.accept().busy()],
    [
      'a truncated frame',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.accept).subarray(0, 5))
      },
    ],
    [
      'a frame longer than its message',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(withLength(job.frame(FRAME.error), 50))
      },
    ],
    [
      'an oversized frame',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(withLength(job.frame(FRAME.error), MAX_CONTROL_BYTES + 1))
      },
    ],
    ['an unknown frame', CLOSE.protocol, ({ provider }) => provider.send(encodeUnknown())],
    [
      'a payload that is no JSON',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.error, new TextEncoder().encode('oops')))
      },
    ],
    [
      'a payload of the wrong shape',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.error, encodeControl({ fault: 'nobody' })))
      },
    ],
    [
      'an edge’s frame',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.cancel, encodeControl({ reason: '' })))
      },
    ],
    [
      'a second hello',
      CLOSE.protocol,
      ({ provider }) => {
        provider.sendControl(FRAME.hello, {})
      },
    ],
    ['text', CLOSE.protocol, ({ provider }) => void provider.deliver('data: hi')],
    [
      'a channel that was never given',
      CLOSE.foreignJob,
      ({ provider }) => {
        provider.send(encodeFrame(FRAME.accept, 7, new Uint8Array()))
      },
    ],
    ['silence after an offer', CLOSE.silent, ({ edge }) => edge.clock.advance(ACCEPT_TIMEOUT_MS)],
    [
      'too many capability records',
      CLOSE.protocol,
      ({ provider }) => {
        for (let i = 0; i < 31; i++) provider.sendControl(FRAME.capability, capabilityOf())
      },
    ],
  ]
  it.each(breaches)('is cut off for %s, and its job goes elsewhere', async (_, code, breach) => {
    const test = await offered()
    const { edge, answer, provider, other, next } = test
    breach(test)
    expect(provider.closed?.code).toBe(code)
    expect(Buffer.byteLength(provider.closed?.reason ?? '')).toBeLessThanOrEqual(123)
    answerStream(await next)
    expect((await readEvents(await answer)).at(-1)).toBe('[DONE]')
    expect(other.closed).toBeUndefined()
    expect(edge.hub.providers).toBe(1)
    expect(edge.record).toMatchObject({ attempts: 2, providerId: other.peer, costMsat: 16 })
  })

  it('may not send more than its window', async () => {
    const { job, provider } = await offered()
    job.begin().data(new Uint8Array(JOB_WINDOW_BYTES).fill(10))
    expect(provider.closed).toBeUndefined()
    job.data('\n')
    expect(provider.closed).toMatchObject({ code: CLOSE.protocol })
  })

  it('is not heard any more, not even in the same message', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    provider.send(
      encodeFrame(FRAME.accept, 99, new Uint8Array()),
      encodeFrame(FRAME.capability, CONNECTION_CHANNEL, encodeControl(capabilityOf())),
    )
    provider.sendControl(FRAME.capability, capabilityOf())
    expect(provider.closed).toMatchObject({ code: CLOSE.foreignJob })
    expect(edge.hub.directory()).toEqual({ models: [], offline: ['tiny'] })
    expect(await errorOf(await edge.chat())).toMatchObject({ status: 503 })
  })

  it('may send late frames of a lease that has ended', async () => {
    const { job, provider, next } = await offered()
    job.busy()
    job.data('late').end()
    expect(provider.closed).toBeUndefined()
    answerStream(await next)
  })
})

describe('capability and load', () => {
  it('follows what a provider says it can do', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    provider.sendControl(FRAME.capability, capabilityOf({ models: [modelOffer('large')] }))
    expect(edge.hub.directory().models.map(({ id }) => id)).toEqual(['large'])
    expect(edge.hub.directory().offline).toEqual(['tiny'])
    expect(provider.saved).toMatchObject({ capability: { models: [{ id: 'large' }] } })
  })

  it('gives a draining provider no new jobs and lets it end the old ones', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat()
    const job = await provider.jobs.next()
    provider.sendControl(FRAME.drain, { reason: 'updating' })
    provider.sendControl(FRAME.capability, capabilityOf())
    expect(await errorOf(await edge.chat())).toMatchObject({ status: 503 })
    answerJson(job)
    expect((await answer).status).toBe(200)
  })

  it('prefers the provider that reports less load', async () => {
    const edge = await startEdge()
    const [busy, idle] = [await edge.provider(), await edge.provider()]
    busy.sendControl(FRAME.load, { running: 3, waiting: 1 })
    const answer = edge.chat()
    answerJson(await idle.jobs.next())
    expect((await answer).status).toBe(200)
    expect(busy.jobs.size).toBe(0)
  })

  it('gives no jobs to a socket that does not drain', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    provider.unsentBytes = Number.POSITIVE_INFINITY
    expect(await errorOf(await edge.chat())).toMatchObject({ status: 503, code: 'no_provider' })
  })

  it('asks providers to go, and closes them, when the edge stops', async () => {
    const edge = await startEdge()
    const providers = [await edge.provider(), await edge.provider(), challenged(edge)]
    const answer = edge.chat()
    await Promise.race(providers.map(({ jobs }) => jobs.next()))
    edge.hub.drain('restart')
    edge.hub.closeAll(CLOSE.restarting, 'restart')
    expect(providers.map(({ control }) => control.includes(FRAME.drain))).toEqual([
      true,
      true,
      false,
    ])
    for (const { closed } of providers) expect(closed).toMatchObject({ code: CLOSE.restarting })
    expect(await errorOf(await answer)).toMatchObject({ status: 502 })
    expect(edge.record).toMatchObject({ status: 'failed', costMsat: 0 })
    expect(edge.hub.jobsInFlight).toBe(0)
  })

  it('keeps working when Postgres does not', async () => {
    const edge = await startEdge()
    edge.store.down = true
    const provider = await edge.provider()
    await new Promise(setImmediate)
    expect(edge.log.filter(({ event }) => event === 'store_failed')).toHaveLength(1)
    expect(provider.closed).toBeUndefined()
  })
})

describe('a hub with all the jobs it can hold', () => {
  it('refuses the next one and settles it', async () => {
    const edge = await startEdge()
    for (let i = 0; i <= MAX_JOBS / MAX_SLOTS; i++) await edge.provider({ slots: MAX_SLOTS })
    const order = (): JobOrder => ({
      job: newJobId(edge.clock.now()),
      requestId: newRequestId(edge.clock.now()),
      accountId: edge.account,
      apiKeyId: '' as JobOrder['apiKeyId'],
      model: 'tiny',
      stream: true,
      includeUsage: false,
      n: 1,
      maxOutputTokens: 1,
      messages: 1,
      maxPrice: { prompt: 1e12, completion: 1e12 },
      holdMsat: 1,
      body: new Uint8Array(),
      createdAt: edge.clock.now(),
    })
    for (let i = 0; i < MAX_JOBS; i++) void edge.hub.submit(order())
    expect(edge.hub.jobsInFlight).toBe(MAX_JOBS)
    const refused = order()
    expect(await edge.hub.submit(refused)).toMatchObject({
      kind: 'error',
      error: { status: 503, code: 'overloaded' },
    })
    expect(edge.record).toMatchObject({
      id: refused.job,
      status: 'failed',
      costMsat: 0,
      attempts: 0,
    })
  })
})

/** A job that has been answered, and its provider. */
async function answered() {
  const edge = await startEdge()
  const provider = await edge.provider()
  const answer = edge.chat()
  const job = await provider.jobs.next()
  answerJson(job)
  await answer
  return { edge, provider, job }
}

describe('receipts', () => {
  it('are stored before they are acknowledged, even before their job is in Postgres', async () => {
    const { edge, provider, job } = await answered()
    expect(edge.store.ledger.size).toBe(0)
    provider.sendReceipts([job.statement()])
    expect(await provider.acks.next()).toEqual({
      results: [{ lease: job.header.lease, status: 'stored' }],
    })
    expect(edge.store.receipts.has(job.header.lease as never)).toBe(true)
  })

  it('close the connection when somebody else signed them', async () => {
    const { edge, provider, job } = await answered()
    const other = await edge.provider()
    provider.sendReceipts([job.statement()], newProviderKey())
    await expect.poll(() => provider.closed).toMatchObject({ code: CLOSE.protocol })
    other.sendReceipts([job.statement()])
    await expect.poll(() => other.closed).toMatchObject({ code: CLOSE.protocol })
    expect(edge.store.receipts.size).toBe(0)
  })

  it('are unknown when the lease was somebody else’s, who can still send its own', async () => {
    const { edge, provider, job } = await answered()
    const thief = await edge.provider()
    thief.sendReceipts([job.statement({ provider: thief.peer })])
    const { lease } = job.header
    expect(await thief.acks.next()).toEqual({ results: [{ lease, status: 'unknown' }] })
    provider.sendReceipts([job.statement()])
    expect(await provider.acks.next()).toEqual({ results: [{ lease, status: 'stored' }] })
    expect(edge.store.receipts.size).toBe(1)
  })

  it('are not acknowledged while Postgres is away, and taken later', async () => {
    const { edge, provider, job } = await answered()
    edge.store.down = true
    provider.sendReceipts([job.statement()])
    await expect
      .poll(() => edge.log.map(({ fields }) => fields['operation']))
      .toContain('storeReceipts')
    expect(provider.acks.size).toBe(0)
    expect(provider.closed).toBeUndefined()
    edge.store.down = false
    provider.sendReceipts([job.statement()])
    expect((await provider.acks.next()).results).toMatchObject([{ status: 'stored' }])
  })

  it('may not come in without end', async () => {
    const { provider, job } = await answered()
    for (let i = 0; i < 9; i++) provider.sendReceipts([job.statement()])
    await expect.poll(() => provider.closed).toMatchObject({ code: CLOSE.protocol })
  })

  it('of a provider that is gone by then disturb nobody', async () => {
    const { edge, provider, job } = await answered()
    provider.sendReceipts([job.statement()])
    provider.vanish()
    await expect.poll(() => edge.store.receipts.size).toBe(1)
    expect(provider.acks.size).toBe(0)
  })
})
