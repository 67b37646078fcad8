import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { AccountId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { peerIdOf } from '@infernet/schemas/peer-id'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_OFFERS } from '../limits.ts'
import type { JobAnswer, JobOrder, OfferView } from '../ports.ts'
import { orderOf } from '../testing/job-orders.ts'
import { recordOf } from '../testing/job-records.ts'
import { shardOf } from '../testing/shards.ts'
import type { InvoiceOutcome } from './invoice-outcome.ts'
import { fieldsOf } from './job-errors.ts'
import { plainRules } from './match-rules.ts'
import { ShardDirectory } from './shard-directory.ts'
import { ShardJobs } from './shard-jobs.ts'
import { MAX_LISTED_PROVIDERS, MAX_SHARD_ATTEMPTS, SHARD_SUSPENDED_MS } from './shard-limits.ts'
import { regionOfShard } from './shard-region.ts'
import { ShardRouter, type ShardHub } from './shard-router.ts'

/** What a shard does with a job. */
const BEHAVIOURS = ['answers', 'full', 'unsuitable', 'fails', 'refuses', 'dead'] as const
type Behaviour = (typeof BEHAVIOURS)[number]

const ERRORS = {
  full: apiErrors.overloaded(1),
  unsuitable: apiErrors.noProviderMatches('tiny', ['only'], 1),
  fails: apiErrors.providerFailed(),
  refuses: apiErrors.invalidRequest('no'),
}
const peer = peerIdOf(new Uint8Array(32))

interface Asked {
  readonly shard: string
  readonly order: JobOrder
  readonly last: boolean
}

/** Shards behind a router, each behaving in its own way; with the real rules for moving a job. */
class World {
  readonly asked: Asked[] = []
  readonly settled: JobRecord[] = []
  readonly cancelled: string[] = []
  readonly failures: string[] = []
  readonly behaviours: ReadonlyMap<string, Behaviour>
  readonly router: ShardRouter
  located: readonly string[] = []
  isDirectoryDown = false
  invoice: InvoiceOutcome = { ok: true, bolt11: 'lnbc1' }
  now = 0

  constructor(shards: Record<string, Behaviour>, free: Record<string, number> = {}) {
    this.behaviours = new Map(Object.entries(shards))
    const directory = new ShardDirectory()
    const changed = Object.keys(shards).map((shard) =>
      shardOf(shard, ['tiny'], { free: free[shard] ?? 4 }),
    )
    const version = { epoch: 'life', count: 1 }
    directory.apply({ version, shards: Object.keys(shards), changed })
    this.router = new ShardRouter({
      directory: () => directory,
      locate: async () => {
        if (this.isDirectoryDown) throw new Error('down')
        return this.located
      },
      hub: (shard) => this.#hub(shard),
      region: () => 'weur',
      random: () => 0,
      now: () => this.now,
      onShardError: (shard) => this.failures.push(shard),
    })
  }

  get path(): string[] {
    return this.asked.map(({ shard }) => shard)
  }

  #hub(shard: string): ShardHub {
    const behaviour = this.behaviours.get(shard) ?? 'unsuitable'
    const jobs: ShardJobs = new ShardJobs({
      submit: (order, { mayWait }) => this.#run(jobs, order, behaviour, mayWait),
      settle: (record) => void this.settled.push(record),
    })
    const alive = <T>(call: () => T): Promise<Awaited<T>> =>
      behaviour === 'dead' ? Promise.reject(new Error('dead')) : Promise.resolve(call())
    return {
      submit: (order, last) => {
        this.asked.push({ shard, order, last })
        return alive(() => jobs.submit(order, last))
      },
      settle: (record) => alive(() => void this.settled.push(record)),
      cancel: (job) => alive(() => void this.cancelled.push(job)),
      providersOf: () => alive(() => Array.from({ length: 600 }, () => ({ peer }) as OfferView)),
      presenceOf: (peers) =>
        alive(() =>
          peers.map((asked, index) => ({
            peer: asked,
            countedUntil: behaviour === 'answers' ? 2 + index : 1,
            reliability: 1,
          })),
        ),
      sharedGpusOf: (peers) =>
        alive(() =>
          peers.map((asked) => ({
            peer: asked,
            other: peer,
            isResting: behaviour === 'answers',
            since: 0,
            until: 1,
          })),
        ),
      askInvoice: () => alive(() => this.invoice),
      selfTest: () => alive(() => ({ object: 'too_soon', waitMs: 7 }) as const),
      metrics: () => alive(() => '# HELP m M.\n# TYPE m counter\nm 1\n'),
    }
  }

  async #run(
    jobs: ShardJobs,
    order: JobOrder,
    behaviour: Behaviour,
    mayWait: boolean,
  ): Promise<JobAnswer> {
    const record = recordOf(order.job, 'acct_1' as AccountId, { model: order.model })
    const hasRoom = behaviour === 'answers' || (behaviour === 'full' && mayWait)
    if (hasRoom || behaviour === 'dead') {
      jobs.ended(record)
      return { kind: 'json', provider: peer, body: new Uint8Array() }
    }
    const error = ERRORS[behaviour]
    jobs.ended({ ...record, status: 'failed', errorCode: error.code, firstByteMs: null })
    return { kind: 'error', error: fieldsOf(error) }
  }
}

const names = ['hub:weur:0', 'hub:weur:1', 'hub:eeur:0', 'hub:enam:0', 'hub:apac:0'] as const
const worlds = fc.uniqueArray(
  fc.tuple(fc.constantFrom(...names), fc.constantFrom(...BEHAVIOURS), fc.nat({ max: 2 })),
  { selector: ([shard]) => shard, maxLength: names.length },
)

describe('the router of jobs to shards', () => {
  it('settles each job exactly once, wherever it has been', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (shards) => {
        const world = new World(
          Object.fromEntries(shards.map(([shard, behaviour]) => [shard, behaviour])),
          Object.fromEntries(shards.map(([shard, , free]) => [shard, free])),
        )
        const answer = await world.router.submit(orderOf())
        // A hub that is dead cannot settle: its hold expires.
        const mayExpire = answer.kind === 'error' && world.failures.length > 0
        expect(world.settled.length).toBeLessThanOrEqual(1)
        if (!mayExpire) expect(world.settled).toHaveLength(1)
        if (answer.kind !== 'error') expect(world.settled[0]?.status).toBe('completed')
      }),
    )
  })

  it('asks few shards, each once, and lets the job wait in one of them at most', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (shards) => {
        const world = new World(
          Object.fromEntries(shards.map(([shard, behaviour]) => [shard, behaviour])),
          Object.fromEntries(shards.map(([shard, , free]) => [shard, free])),
        )
        const answer = await world.router.submit(orderOf())
        const waits = world.asked.filter(({ last }) => last)
        expect(waits.length).toBeLessThanOrEqual(1)
        expect(world.asked.length - waits.length).toBeLessThanOrEqual(MAX_SHARD_ATTEMPTS)
        const refused = world.asked.filter(({ last }) => !last).map(({ shard }) => shard)
        expect(new Set(refused).size).toBe(refused.length)
        const ranges = world.asked.map(({ order }) => order.leasesBefore ?? 0)
        expect(ranges).toEqual(ranges.map((_, index) => index * MAX_OFFERS))
        // A job fails only when no shard that was asked would ever have taken it.
        const willing = world.asked.some(({ shard }) =>
          ['answers', 'full'].includes(world.behaviours.get(shard) ?? ''),
        )
        const isFinal = world.path.some((shard) => world.behaviours.get(shard) === 'refuses')
        if (willing && !isFinal) expect(answer.kind).toBe('json')
      }),
    )
  })

  it('prefers a near region, and goes on to others when the near one is full', async () => {
    const near = new World({ 'hub:weur:0': 'answers', 'hub:apac:0': 'answers' })
    await near.router.submit(orderOf())
    expect(near.path).toEqual(['hub:weur:0'])

    const stale = new World({ 'hub:weur:0': 'full', 'hub:apac:0': 'answers' })
    expect(await stale.router.submit(orderOf())).toMatchObject({ kind: 'json' })
    expect(stale.path).toEqual(['hub:weur:0', 'hub:apac:0'])
  })

  it('lets a job wait in the nearest shard when all are full, not in the last that it asked', async () => {
    const world = new World({ 'hub:weur:0': 'full', 'hub:eeur:0': 'full', 'hub:apac:0': 'full' })
    expect(await world.router.submit(orderOf())).toMatchObject({ kind: 'json' })
    expect(world.path).toEqual(['hub:weur:0', 'hub:eeur:0', 'hub:apac:0', 'hub:weur:0'])
    expect(world.asked.map(({ last }) => last)).toEqual([false, false, false, true])
  })

  it('bothers no other full shard once one has said that it is full', async () => {
    const none = { 'hub:weur:0': 0, 'hub:eeur:0': 0 }
    const world = new World({ 'hub:weur:0': 'full', 'hub:eeur:0': 'full' }, none)
    await world.router.submit(orderOf())
    expect(world.path).toEqual(['hub:weur:0', 'hub:weur:0'])
  })

  it('goes on when providers fail or do not suit, but not when the request itself is wrong', async () => {
    const world = new World({
      'hub:weur:0': 'fails',
      'hub:eeur:0': 'unsuitable',
      'hub:apac:0': 'answers',
    })
    expect(await world.router.submit(orderOf())).toMatchObject({ kind: 'json' })
    const wrong = new World({ 'hub:weur:0': 'refuses', 'hub:eeur:0': 'answers' })
    expect(await wrong.router.submit(orderOf())).toMatchObject({ kind: 'error' })
    expect(wrong.path).toEqual(['hub:weur:0'])
  })

  it('leaves a dead shard out for a while, calls off what it may still do, and asks it again later', async () => {
    const world = new World({ 'hub:weur:0': 'dead', 'hub:apac:0': 'answers' })
    const ask = async (): Promise<string[]> => {
      world.asked.length = 0
      expect(await world.router.submit(orderOf())).toMatchObject({ kind: 'json' })
      return world.path
    }
    expect(await ask()).toEqual(['hub:weur:0', 'hub:apac:0'])
    expect(world.failures).toEqual(['hub:weur:0'])
    expect(await ask()).toEqual(['hub:apac:0'])
    world.now = SHARD_SUSPENDED_MS
    expect(await ask()).toEqual(['hub:weur:0', 'hub:apac:0'])
  })

  it('asks a dead shard all the same when there is no other', async () => {
    const world = new World({ 'hub:weur:0': 'dead' })
    for (let i = 0; i < 2; i++) {
      const answer = await world.router.submit(orderOf())
      expect(answer).toMatchObject({ kind: 'error', error: { code: 'overloaded' } })
    }
    expect(world.path).toEqual(['hub:weur:0', 'hub:weur:0'])
  })

  it('lets the region’s first hub say that nobody serves a model', async () => {
    const world = new World({})
    const answer = await world.router.submit(orderOf())
    expect(answer).toMatchObject({ kind: 'error', error: { code: 'no_provider_matches' } })
    expect(world.asked).toMatchObject([{ shard: 'hub:weur:0', last: true }])
    expect(world.settled).toHaveLength(1)
  })

  it('tries the providers that the client named in its order, wherever they are', async () => {
    const rules = plainRules('chat.completions', { prompt: 1, completion: 1 })
    const all = {
      'hub:weur:0': 'answers',
      'hub:eeur:0': 'answers',
      'hub:apac:0': 'unsuitable',
    } as const
    const world = new World(all)
    world.located = ['hub:apac:0', 'hub:eeur:0']
    await world.router.submit(orderOf({ rules: { ...rules, order: ['a', 'b'] } }))
    expect(world.path).toEqual(['hub:apac:0', 'hub:eeur:0'])

    const strict = new World(all)
    strict.located = ['hub:apac:0']
    const only = { ...rules, only: ['a'] }
    expect(await strict.router.submit(orderOf({ rules: only }))).toMatchObject({ kind: 'error' })
    expect(strict.asked).toMatchObject([{ shard: 'hub:apac:0', last: true }])

    const down = new World(all)
    down.isDirectoryDown = true
    expect(await down.router.submit(orderOf({ rules: only }))).toMatchObject({ kind: 'json' })
  })

  it('cancels a job where it is, and offers it to nobody else then', async () => {
    const world = new World({ 'hub:weur:0': 'full', 'hub:apac:0': 'answers' })
    const order = orderOf()
    const answer = world.router.submit(order)
    await world.router.cancel(order.job, 'client_disconnected')
    expect(await answer).toMatchObject({ error: { code: 'client_closed_request' } })
    expect(world.path).not.toContain('hub:apac:0')
    await world.router.cancel(orderOf().job, 'unknown')
  })

  it('asks for an invoice where the provider logged in last', async () => {
    const invoice = { payout: 'po_1', attempt: 1, amountMsat: 1n }
    const world = new World({ 'hub:weur:0': 'answers', 'hub:eeur:0': 'dead' })
    const asking = () => world.router.askInvoice(peer, invoice)
    await expect(asking()).rejects.toMatchObject({ name: 'InvoiceAskError', code: 'offline' })
    world.located = ['hub:weur:0']
    expect(await asking()).toBe('lnbc1')
    world.invoice = { ok: false, code: 'refused', message: 'no' }
    await expect(asking()).rejects.toMatchObject({ code: 'refused', message: 'no' })
    world.located = ['hub:eeur:0']
    await expect(asking()).rejects.toMatchObject({ code: 'timeout' })
    world.isDirectoryDown = true
    await expect(asking()).rejects.toMatchObject({ code: 'timeout' })
    expect(world.failures).toEqual(['hub:eeur:0', 'directory'])
  })

  it('tests a provider where it logged in last', async () => {
    const world = new World({ 'hub:weur:0': 'answers', 'hub:eeur:0': 'dead' })
    const codeOf = async () => {
      const outcome = await world.router.selfTest(peer)
      return outcome.object === 'too_soon' ? outcome.waitMs : outcome.failure?.code
    }
    expect(await codeOf()).toBe('offline')
    world.located = ['hub:weur:0']
    expect(await codeOf()).toBe(7)
    world.located = ['hub:eeur:0']
    expect(await codeOf()).toBe('unreachable')
  })

  it('lists the providers of all shards that answer, a bounded number', async () => {
    const world = new World({ 'hub:weur:0': 'answers', 'hub:eeur:0': 'dead', 'hub:apac:0': 'full' })
    expect(await world.router.providersOf('tiny')).toHaveLength(MAX_LISTED_PROVIDERS)
    expect(await world.router.providersOf('unknown')).toEqual([])
  })

  it('knows who is connected, where they logged in last', async () => {
    const world = new World({ 'hub:weur:0': 'answers', 'hub:eeur:0': 'dead', 'hub:apac:0': 'full' })
    world.located = ['hub:weur:0', 'hub:eeur:0', 'hub:apac:0']
    const other = `${peer}2` as typeof peer
    expect(await world.router.presenceOf([peer, other])).toMatchObject([
      { peer, countedUntil: 2 },
      { peer: other, countedUntil: 3 },
    ])
    expect(await world.router.presenceOf([])).toEqual([])
    world.isDirectoryDown = true
    expect(await world.router.presenceOf([peer])).toEqual([])
  })

  it('knows who rests, where they logged in last', async () => {
    const world = new World({ 'hub:weur:0': 'answers', 'hub:eeur:0': 'dead' })
    world.located = ['hub:weur:0', 'hub:eeur:0']
    expect(await world.router.sharedGpusOf([peer])).toMatchObject([{ peer, isResting: true }])
    world.isDirectoryDown = true
    expect(await world.router.sharedGpusOf([peer])).toEqual([])
  })

  it('shows the metrics of all shards that answer', async () => {
    const world = new World({ 'hub:weur:0': 'answers', 'hub:eeur:0': 'dead' })
    const text = await world.router.metrics()
    expect(text).toContain('m{shard="hub:weur:0"} 1\n')
    expect(text).not.toContain('m{shard="hub:eeur:0"}')
    expect(text).toContain('infernet_shard_providers{shard="hub:eeur:0"} 1\n')
    expect(regionOfShard('hub:eeur:0')).toBe('eeur')
  })
})
