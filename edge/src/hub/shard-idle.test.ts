import { CHALLENGE_TTL_MS } from '@infernet/schemas/limits'
import { describe, expect, it } from 'vitest'
import { AuditKeys } from '../audit/audit-keys.ts'
import { EdgeEvents } from '../events.ts'
import { QUEUE_WAIT_MS } from '../limits.ts'
import { answerJson } from '../testing/answers.ts'
import { FakeProvider, modelOffer } from '../testing/fake-provider.ts'
import { orderOf } from '../testing/job-orders.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import { capabilityOf } from '../testing/test-edge.ts'
import { parseTimeouts } from './job-timeouts.ts'
import { ProviderHub } from './provider-hub.ts'
import { ShardJobs } from './shard-jobs.ts'
import { REPORT_INTERVAL_MS, REPORT_MAX_BACKOFF_MS } from './shard-limits.ts'
import { ShardReporter } from './shard-reporter.ts'
import type { ShardSnapshot } from './shard-snapshot.ts'
import { ShardState } from './shard-state.ts'

/** Longer than anything that may be put off. */
const LONG_MS = CHALLENGE_TTL_MS + QUEUE_WAIT_MS + 6 * REPORT_MAX_BACKOFF_MS
const HOUR_MS = 3_600_000

/** A shard put together as a host does, with one clock for all that it puts off. */
class Shard {
  readonly clock = new ManualClock()
  readonly reports: ShardSnapshot[] = []
  directoryIsDown = false
  readonly #hub: ProviderHub
  readonly #jobs: ShardJobs
  readonly #reporter: ShardReporter

  constructor() {
    const { clock } = this
    this.#jobs = new ShardJobs({
      submit: (order, options) => this.#hub.submit(order, options),
      settle: () => {},
    })
    this.#hub = new ProviderHub({
      timeouts: parseTimeouts(undefined),
      byteStreams: false,
      schedule: (flush) => flush(),
      later: clock.later,
      now: clock.now,
      random: () => 0,
      settle: (record) => {
        const settling = this.#jobs.ended(record)
        this.#reporter.touch()
        return settling
      },
      store: new MemoryStore(),
      hours: { addOnlineTime: async () => {} },
      events: new EdgeEvents(() => {}),
      audit: new AuditKeys(new Uint8Array(32)),
    })
    const state = new ShardState({
      shard: 'hub:weur:0',
      region: 'weur',
      hub: this.#hub,
      life: 'life',
      now: clock.now,
    })
    this.#reporter = new ShardReporter({
      snapshot: () => state.snapshot(),
      send: async (snapshot) => {
        if (this.directoryIsDown) throw new Error('down')
        this.reports.push(snapshot)
      },
      later: clock.later,
      now: clock.now,
      onError: () => {},
    })
  }

  async provider(slots: number): Promise<FakeProvider> {
    const provider = new FakeProvider(this.#hub).connect()
    const now = this.clock.now()
    const models = [modelOffer('tiny', { price: { prompt: 1, completion: 1 } })]
    await provider.login(provider.hello({ capability: capabilityOf({ models, slots }), now }))
    this.#reporter.loggedIn({ peer: provider.peer, at: now })
    return provider
  }

  /** Asks for a JSON answer; the job may wait. */
  submit() {
    const order = orderOf({ stream: false, createdAt: this.clock.now() })
    const answer = this.#jobs.submit(order, true)
    this.#reporter.touch()
    return { job: order.job, answer }
  }

  cancel(job: ReturnType<typeof orderOf>['job']): void {
    this.#hub.cancel(job, 'client_disconnected')
  }

  get waiting(): number {
    return this.#hub.jobsWaiting
  }

  /** Lets time pass, and all that happens in it happen. */
  async rest(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    while (this.clock.now() < end) {
      this.clock.advance(Math.min(REPORT_INTERVAL_MS / 2, end - this.clock.now()))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/** One job runs, a second waits for its slot, and a third waits and is cancelled. */
async function work(shard: Shard): Promise<void> {
  const provider = await shard.provider(1)
  const [first, second, third] = [shard.submit(), shard.submit(), shard.submit()]
  const job = await provider.jobs.next()
  expect(shard.waiting).toBe(2)
  shard.cancel(third.job)
  answerJson(job)
  answerJson(await provider.jobs.next())
  for (const { answer } of [first, second]) expect((await answer).kind).toBe('json')
  expect((await third.answer).kind).toBe('error')
}

describe('an idle shard', () => {
  it('has put nothing off once its logins, jobs, queue and reports are done with', async () => {
    const shard = new Shard()
    await work(shard)
    expect(shard.clock.waiting).toBeGreaterThan(0)
    await shard.rest(LONG_MS)
    expect(shard.clock.waiting).toBe(0)
    const told = shard.reports.length
    await shard.rest(HOUR_MS / 60)
    expect(shard.clock.waiting).toBe(0)
    expect(shard.reports).toHaveLength(told)
    expect(shard.reports.at(-1)).toMatchObject({ providers: 1, freeSlots: [1], jobsInFlight: 0 })
  })

  it('sleeps also while the directory is down, and tells everything when it is woken', async () => {
    const shard = new Shard()
    shard.directoryIsDown = true
    await work(shard)
    await shard.rest(LONG_MS)
    expect(shard.clock.waiting).toBe(0)
    shard.directoryIsDown = false
    const provider = await shard.provider(1)
    provider.vanish()
    await shard.rest(LONG_MS)
    expect(shard.clock.waiting).toBe(0)
    expect(shard.reports.at(-1)).toMatchObject({ providers: 1 })
  })
})
