import { CLOSE } from '@infernet/schemas/close-codes'
import {
  CONNECTION_CHANNEL,
  encodeFrame,
  FRAME,
  PING_TEXT,
  PONG_TEXT,
} from '@infernet/schemas/frame'
import { newJobId, newRequestId } from '@infernet/schemas/ids'
import { CHALLENGE_TTL_MS, MAX_CLOCK_SKEW_MS, MAX_SLOTS } from '@infernet/schemas/limits'
import { signPayout } from '@infernet/schemas/payout-statement'
import { encodeControl } from '@infernet/schemas/wire'
import { parsePriceBounds } from '@infernet/settlement/price-bounds'
import { describe, expect, it } from 'vitest'
import { MAX_JOBS, MAX_PROVIDERS, SWEEP_INTERVAL_MS } from '../limits.ts'
import type { JobOrder } from '../ports.ts'
import { answerJson } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { FakeProvider, modelOffer, newProviderKey, unknownFrame } from '../testing/fake-provider.ts'
import { capabilityOf, startEdge, type TestEdge } from '../testing/test-edge.ts'
import { plainRules } from './match-rules.ts'

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

  describe('with bounds of prices', () => {
    const prices = parsePriceBounds('completion=2000000', 'prompt=1000000')
    const asking = (prompt: number, completion: number) =>
      capabilityOf({ models: [{ ...modelOffer('tiny'), price: { prompt, completion } }] })

    it('takes who asks for as much as they allow, and closes who then asks for more', async () => {
      const edge = await startEdge({ prices })
      const provider = await edge.provider(asking(1_000_000, 2_000_000))
      provider.announce(asking(1_000_001, 2_000_000))
      expect(provider.closed).toMatchObject({ code: CLOSE.price })
      expect(edge.hub.directory().models).toEqual([])
    })

    it('refuses a hello with another price, and says what they are', async () => {
      const edge = await startEdge({ prices })
      const provider = challenged(edge)
      const now = edge.clock.now()
      await provider.login(provider.hello({ capability: asking(0, 1_999_999), now }))
      expect(provider.closed).toMatchObject({ code: CLOSE.price })
      expect(provider.closed?.reason).toMatch(/^completion price 1999999 is not within 2000000 to/)
      expect(edge.log.at(-1)).toMatchObject({ event: 'login_refused', fields: { fault: 'price' } })
    })
  })

  it('refuses a hello that another key has signed', async () => {
    const edge = await startEdge()
    const provider = challenged(edge)
    const now = edge.clock.now()
    await provider.login(provider.hello({ capability: capabilityOf(), now, key: newProviderKey() }))
    expect(provider.closed).toMatchObject({ code: CLOSE.unauthorized })
  })

  it('refuses earnings that another key redirects, and stores nothing of them', async () => {
    const edge = await startEdge()
    const wishes = { to: { kind: 'lightning_address', address: 'thief@wallet.example' } } as const
    const refused = challenged(edge)
    const stolen = capabilityOf({ payout: signPayout(newProviderKey(), wishes, 1) })
    await refused.login(refused.hello({ capability: stolen, now: edge.clock.now() }))
    expect(refused.closed).toEqual({
      code: CLOSE.payout,
      reason: 'where the earnings go is not signed with the key of this login',
    })
    expect(edge.log.at(-1)).toMatchObject({ event: 'login_refused', fields: { fault: 'payout' } })
    const key = newProviderKey()
    const provider = await edge.provider({ payout: signPayout(key, wishes, 1) }, key)
    const redirected = { ...signPayout(key, wishes, 1), issued_at: 2 }
    provider.announce(capabilityOf({ payout: redirected }))
    expect(provider.closed).toMatchObject({ code: CLOSE.payout })
    expect(edge.store.seen).toMatchObject([{ capability: { payout: { issued_at: 1 } } }])
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
    ['an unknown frame', unknownFrame()],
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
    const answer = edge.chat()
    await older.jobs.next()
    const newer = await edge.provider({}, older.key)
    expect(older.closed).toMatchObject({ code: CLOSE.replaced })
    // Its line was cut and it is back: so is the job.
    answerJson(await newer.jobs.next())
    expect((await answer).status).toBe(200)
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

describe('capability and load', () => {
  it('follows what a provider says it can do', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    provider.announce(capabilityOf({ models: [modelOffer('large')] }))
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
    provider.announce(capabilityOf())
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

  it('gives a provider as many jobs as it takes now, and those that wait when it takes more', async () => {
    const edge = await startEdge()
    const provider = await edge.provider({ slots: 4 })
    provider.sendControl(FRAME.load, { running: 0, waiting: 0, slots: 1 })
    const answers = [edge.chat(), edge.chat()]
    answers.push(edge.chat())
    const first = await provider.jobs.next()
    await new Promise(setImmediate)
    expect([provider.jobs.size, edge.hub.jobsWaiting]).toEqual([0, 2])
    provider.sendControl(FRAME.load, { running: 1, waiting: 0, slots: 6 })
    const jobs = [first, await provider.jobs.next(), await provider.jobs.next()]
    for (const job of jobs) answerJson(job)
    for (const answer of answers) expect((await answer).status).toBe(200)
  })

  it('goes back to who knows a prompt until what it had cached is lost', async () => {
    const edge = await startEdge()
    const offer = capabilityOf({ slots: 8 })
    const [one, other] = [await edge.provider(offer), await edge.provider(offer)]
    const load = (provider: FakeProvider, running: number, since: number): void => {
      provider.sendControl(FRAME.load, { running, waiting: 0, cache_since: since })
    }
    const messages = [{ role: 'user', content: 'tell me more '.repeat(100) }]
    const isAnsweredBy = async (provider: FakeProvider): Promise<void> => {
      const answer = edge.chat({ messages })
      answerJson(await provider.jobs.next())
      expect((await answer).status).toBe(200)
    }
    load(one, 0, 1)
    load(other, 1, 1)
    await isAnsweredBy(one)
    load(one, 1, 1)
    load(other, 0, 1)
    await isAnsweredBy(one)
    load(one, 1, 2)
    await isAnsweredBy(other)
  })

  it('gives no jobs to a socket that does not drain', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    provider.unsentBytes = Number.POSITIVE_INFINITY
    const answer = edge.chat()
    await new Promise(setImmediate)
    expect(provider.jobs.size).toBe(0)
    provider.unsentBytes = 0
    edge.clock.advance(SWEEP_INTERVAL_MS)
    answerJson(await provider.jobs.next())
    expect((await answer).status).toBe(200)
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
      continuable: true,
      includeUsage: false,
      n: 1,
      maxOutputTokens: 1,
      maxTokens: 2,
      messages: 1,
      rules: plainRules('chat.completions', { prompt: 1e12, completion: 1e12 }),
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
