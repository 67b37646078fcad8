import { generateKeyPairSync } from 'node:crypto'
import { env } from 'cloudflare:workers'
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { CLOSE } from '@infernet/schemas/close-codes'
import { afterEach, describe, expect, it } from 'vitest'
import { EdgeEvents } from '../../events.ts'
import { ShardDirectory } from '../../hub/shard-directory.ts'
import type { HubPort } from '../../ports.ts'
import { directoryOf, hubOf, type WorkerEnv } from './env.ts'
import { heldOrder } from './held-order.ts'
import { answerOneInvoice, answerOneJob, Provider } from './provider-on-socket.ts'
import { shardHubs } from './shard-hubs.ts'

const bindings = env as unknown as WorkerEnv
const hub = (shard: string) => hubOf(bindings, shard)
const directory = () => directoryOf(bindings)
const silent = (): EdgeEvents => new EdgeEvents(() => {})

const open: Provider[] = []
async function providerIn(
  shard: string,
  key?: Parameters<Provider['login']>[0],
): Promise<Provider> {
  const provider = await Provider.connect(hub(shard) as unknown as Fetcher)
  open.push(provider)
  await provider.login(key)
  return provider
}

/** Asks for a stream through the router, and reads it. */
async function ask(edge: HubPort): Promise<string> {
  const answer = await edge.submit(await heldOrder(bindings))
  if (answer.kind !== 'stream') throw new Error(`no stream, but ${JSON.stringify(answer)}`)
  return new Response(answer.body).text()
}

/** The shards with providers, by name, once `isDone` is content with them. */
async function shardsOnce(isDone: (shards: readonly string[]) => boolean): Promise<string[]> {
  for (let tries = 0; tries < 100; tries++) {
    const copy = new ShardDirectory()
    copy.apply(await directory().read(undefined))
    const shards = [...copy.shards].map(({ shard }) => shard).toSorted()
    if (isDone(shards)) return shards
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the directory did not get there')
}
const both = (shards: readonly string[]): boolean => shards.length === 2

describe('two hub shards and their directory', () => {
  afterEach(async () => {
    for (const provider of open.splice(0)) provider.socket.close(1000, 'done')
    await shardsOnce((shards) => shards.length === 0)
  })

  it('knows the shards that have providers, and forgets those that have none', async () => {
    const provider = await providerIn('hub:weur:0')
    await providerIn('hub:apac:0')
    expect(await shardsOnce(both)).toEqual(['hub:apac:0', 'hub:weur:0'])
    provider.socket.close(1000, 'done')
    expect(await shardsOnce((shards) => shards.length === 1)).toEqual(['hub:apac:0'])
  })

  it('has one shard let go of a key that has logged in to the other later', async () => {
    const key = generateKeyPairSync('ed25519')
    const first = await providerIn('hub:weur:0', key)
    await shardsOnce((shards) => shards.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const second = await providerIn('hub:apac:0', key)
    expect(await first.closed).toBe(CLOSE.replaced)
    expect(await shardsOnce((shards) => shards.length === 1)).toEqual(['hub:apac:0'])
    const { hub: edge } = shardHubs(bindings, silent())
    const [text] = await Promise.all([ask(edge), answerOneJob(second)])
    expect(text).toContain('hello')
  })

  it('finds a provider in any shard to ask it for an invoice', async () => {
    const provider = await Provider.connect(hub('hub:apac:0') as unknown as Fetcher)
    open.push(provider)
    const peer = await provider.login(undefined, { to: { kind: 'invoice' } })
    await shardsOnce((shards) => shards.length === 1)
    const { hub: edge } = shardHubs(bindings, silent())
    const order = { payout: 'po_1', attempt: 1, amountMsat: 9_000_000_000_000_001n }
    const asking = edge.askInvoice(peer, order)
    await answerOneInvoice(provider)
    expect(await asking).toBe('lnbc9000000000000001')
    const refused = edge.askInvoice(peer, order)
    await Promise.all([
      answerOneInvoice(provider, 'no node'),
      expect(refused).rejects.toMatchObject({ code: 'refused', message: 'no node' }),
    ])
  })

  it('ignores word of a login that is older than the one it has', async () => {
    const key = generateKeyPairSync('ed25519')
    const provider = await providerIn('hub:weur:0', key)
    await shardsOnce((shards) => shards.length === 1)
    const peer = (await hub('hub:weur:0').providersOf('tiny'))[0]?.peer
    if (peer === undefined) throw new Error('nobody is here')
    await hub('hub:weur:0').replaced([{ peer, at: 1 }])
    expect((await hub('hub:weur:0').snapshot()).providers).toBe(1)
    await hub('hub:weur:0').replaced([{ peer, at: Date.now() }])
    expect(await provider.closed).toBe(CLOSE.replaced)
  })

  it('learns everything anew from the shards when it has lost its memory', async () => {
    await providerIn('hub:weur:0')
    await providerIn('hub:apac:0')
    await shardsOnce(both)
    await evictDurableObject(directory())
    const update = await directory().read(undefined)
    expect([...update.shards].toSorted()).toEqual(['hub:apac:0', 'hub:weur:0'])
  })

  it('gives a job to the other shard when the near one is full, and merges what both offer', async () => {
    const near = await providerIn('hub:enam:0')
    const far = await providerIn('hub:apac:0')
    await shardsOnce(both)
    const { hub: edge } = shardHubs(bindings, silent())
    expect((await edge.directory()).models).toMatchObject([{ id: 'tiny', providers: 2 }])
    expect(await edge.providersOf('tiny')).toHaveLength(2)
    // Two slots each: the first two jobs stay near, the third goes far.
    const running = [1, 2, 3].map(() => ask(edge))
    await answerOneJob(far)
    expect(await Promise.race(running)).toContain('hello')
    await answerOneJob(near)
    await answerOneJob(near)
    await Promise.all(running)
    expect(await edge.metrics()).toContain('infernet_shard_providers{shard="hub:apac:0"} 1')
  })

  it('is done without: a process that cannot reach it asks the shards, and keeps what it has', async () => {
    const provider = await providerIn('hub:enam:0')
    await shardsOnce((shards) => shards.length === 1)
    const down = new Proxy(bindings.DIRECTORY, {
      get: () => () => {
        throw new Error('the directory is down')
      },
    })
    const events = silent()
    const { hub: edge } = shardHubs({ ...bindings, DIRECTORY: down }, events)
    for (let i = 0; i < 2; i++) {
      const [text] = await Promise.all([ask(edge), answerOneJob(provider)])
      expect(text).toContain('hello')
    }
  })

  it('lets a hub be evicted, which comes back with its providers and its place', async () => {
    const provider = await providerIn('hub:weur:0')
    await shardsOnce((shards) => shards.length === 1)
    await evictDurableObject(hub('hub:weur:0'))
    expect((await hub('hub:weur:0').snapshot()).providers).toBe(1)
    const attached = await runInDurableObject(hub('hub:weur:0'), (_object, state) =>
      state.getWebSockets().map((ws) => ws.deserializeAttachment()),
    )
    expect(attached).toMatchObject([{ state: { stage: 'ready' }, login: { isReported: true } }])
    expect(provider.socket.readyState).toBe(WebSocket.OPEN)
  })
})
