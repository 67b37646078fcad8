import { env } from 'cloudflare:workers'
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { CLOSE } from '@infernet/schemas/close-codes'
import { PING_TEXT, PONG_TEXT } from '@infernet/schemas/frame'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ShardAnswer } from '../../hub/shard-jobs.ts'
import type { JobOrder } from '../../ports.ts'
import { hubOf, type WorkerEnv } from './env.ts'
import { heldOrder } from './held-order.ts'
import { answerOneJob, Provider } from './provider-on-socket.ts'

const bindings = env as unknown as WorkerEnv
/** Where the Worker places a provider that comes from nowhere in particular. */
const hub = () => hubOf(bindings, 'hub:enam:0')

async function readStream(answering: Promise<ShardAnswer>): Promise<string> {
  const answer = await answering
  if (answer.kind !== 'stream') throw new Error(`no stream, but ${JSON.stringify(answer)}`)
  return new Response(answer.body).text()
}

async function ask(provider: Provider): Promise<string> {
  const order = await heldOrder(bindings)
  const [text] = await Promise.all([readStream(hub().submit(order, true)), answerOneJob(provider)])
  return text
}

/** How many timers that were started from now on have neither fired nor been cleared. */
function countTimers(): () => number {
  const pending = new Set<unknown>()
  const { setTimeout: start, clearTimeout: stop } = globalThis
  vi.stubGlobal('setTimeout', (task: (...args: unknown[]) => void, ...rest: unknown[]) => {
    const [delayMs, ...args] = rest
    const timer = start(() => {
      pending.delete(timer)
      task(...args)
    }, Number(delayMs))
    pending.add(timer)
    return timer
  })
  vi.stubGlobal('clearTimeout', (timer: ReturnType<typeof setTimeout>) => {
    pending.delete(timer)
    stop(timer)
  })
  return () => pending.size
}

describe('the hub object', () => {
  let provider: Provider | undefined
  afterEach(() => {
    vi.unstubAllGlobals()
    provider?.socket.close(1000, 'done')
  })

  it("logs a provider in and streams its answer across the object's border", async () => {
    provider = await Provider.connect()
    await provider.login()
    const text = await ask(provider)
    expect(text).toContain('"content":"hello"')
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  it("ends a strict stream with what it knows of it, across the object's border", async () => {
    provider = await Provider.connect()
    await provider.login()
    const held = await heldOrder(bindings)
    const order = { ...held, includeUsage: true, verification: { mode: 'strict', isOpen: false } }
    const answer = readStream(hub().submit(order as JobOrder, true))
    const [text] = await Promise.all([answer, answerOneJob(provider)])
    const [usage, verdict, done] = text.split('\n\n').slice(-4)
    expect(usage).toContain('"cost":')
    expect(verdict).toContain('"infernet":{"verification":{"verdict":"inconclusive"')
    expect(done).toBe('data: [DONE]')
  })

  it('keeps its providers through hibernation', async () => {
    provider = await Provider.connect()
    await provider.login()
    const peers = (await hub().providersOf('tiny')).map(({ peer }) => peer)
    const presences = await hub().presenceOf(peers)
    expect(presences).toMatchObject([{ peer: peers[0], reliability: 1 }])
    await evictDurableObject(hub())
    // What was counted of its time is known, and what was not yet will be.
    expect(await hub().presenceOf(peers)).toEqual(presences)
    expect((await hub().snapshot()).models.map((model) => model.id)).toEqual(['tiny'])
    expect(await ask(provider)).toContain('"content":"hello"')
  })

  it('answers a ping without the hub', async () => {
    provider = await Provider.connect()
    provider.socket.send(PING_TEXT)
    expect(await provider.text()).toBe(PONG_TEXT)
  })

  it('has no timer left after jobs, a wait and its reports, so that it can hibernate', async () => {
    provider = await Provider.connect()
    await provider.login()
    const pending = countTimers()
    // Two slots: the last of them waits.
    const running = await Promise.all([1, 2, 3].map(() => heldOrder(bindings)))
    const answers = running.map((order) => readStream(hub().submit(order, true)))
    for (let left = answers.length; left > 0; left--) await answerOneJob(provider)
    for (const text of await Promise.all(answers)) expect(text).toContain('"content":"hello"')
    await vi.waitFor(() => expect(pending()).toBe(0), 10_000)
    const sockets = await runInDurableObject(hub(), (_, state) => state.getWebSockets().length)
    expect(sockets).toBeGreaterThan(0)
  })

  it('closes a provider that talks nonsense', async () => {
    provider = await Provider.connect()
    provider.socket.send(Uint8Array.of(99, 0, 0, 0))
    expect(await provider.closed).toBe(CLOSE.protocol)
  })
})
