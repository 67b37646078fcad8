import { newApiKey } from '@infernet/schemas/api-key'
import { newAccountId, type AccountId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { Capability } from '@infernet/schemas/wire'
import type { MasterKeys } from '@infernet/settlement/l402/root-key'
import type { PriceBounds } from '@infernet/settlement/price-bounds'
import { DEFAULT_COMPUTE_RATES } from '@infernet/settlement/compute-price'
import { expect, onTestFinished } from 'vitest'
import { createApp } from '../app.ts'
import { l402Of } from '../l402/l402.ts'
import { KeyRing } from '../auth/key-ring.ts'
import { JOB_CLAIM_RENEW_MS } from '../billing/priced-job-limits.ts'
import { PricedJobRunner } from '../billing/priced-job-runner.ts'
import { EdgeEvents, type LogLine } from '../events.ts'
import { NodeAccounts } from '../hosts/node/node-accounts.ts'
import { NodeSql } from '../hosts/node/node-sql.ts'
import { parseTimeouts } from '../hub/job-timeouts.ts'
import type { JobWatch } from '../hub/job-watch.ts'
import { ProviderHub } from '../hub/provider-hub.ts'
import type { Balance, HubPort, JobAnswer, JobOrder } from '../ports.ts'
import type { Tracer } from '../telemetry/tracer.ts'
import { FakeProvider, modelOffer, type ProviderKey } from './fake-provider.ts'
import { ManualClock } from './manual-clock.ts'
import { MemoryAudits } from './memory-audits.ts'
import { MemorySlashes } from './memory-slashes.ts'
import { MemoryBilling } from './memory-billing.ts'
import { MemoryEarnings } from './memory-earnings.ts'
import { MemoryPricedJobs } from './memory-priced-jobs.ts'
import { MemoryProviders } from './memory-providers.ts'
import { MemoryStore } from './memory-store.ts'
import { archiveIn } from './memory-archive.ts'
import { AuditKeys } from '../audit/audit-keys.ts'

const OPERATOR_TOKEN = 'operator-token'
/** Where a test's request comes from, in place of a socket. */
export const ADDRESS_HEADER = 'x-test-address'
/** The platform's part of fixed prices, basis points. */
const FEE_BPS = 100
export const CREDIT_MSAT = 1_000_000

export interface LogEntry {
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface TestEdgeOptions {
  /** JSON, any subset. */
  readonly timeouts?: string
  readonly byteStreams?: boolean
  readonly prices?: PriceBounds
  readonly masterKeys?: MasterKeys
  /** Peers that may score answers. */
  readonly verifiers?: ReadonlySet<string>
  /** Whether others may come as verifiers too. */
  readonly openVerifiers?: boolean
  /** None of their answers is followed by a check unless told. */
  readonly verifierCheckShare?: number
  readonly watch?: JobWatch
  readonly watched?: (order: JobOrder, answer: Promise<JobAnswer>) => Promise<JobAnswer>
  readonly tracer?: (clock: ManualClock) => Tracer
}

/** An edge without network, disk or time of its own, with one account that has credit and a key. */
export class TestEdge {
  readonly clock = new ManualClock()
  readonly store = new MemoryStore()
  readonly billing = new MemoryBilling()
  readonly pricedJobs = new MemoryPricedJobs(this.clock.now)
  readonly runner: PricedJobRunner
  /** What the settler does when it is woken; nobody is there until a test says so. */
  onWake: () => void | Promise<void> = () => {}
  readonly log: LogEntry[] = []
  /** Records of ended jobs, in order. */
  readonly records: JobRecord[] = []
  readonly events: EdgeEvents
  readonly sql = new NodeSql(':memory:')
  readonly audits = new MemoryAudits()
  readonly slashes = new MemorySlashes(this.audits)
  readonly providers = new MemoryProviders(this, this.clock.now)
  readonly earnings = new MemoryEarnings(this)
  readonly audit = new AuditKeys(new Uint8Array(32).fill(9))
  readonly accounts: NodeAccounts
  readonly hub: ProviderHub
  readonly account: AccountId
  readonly key: string
  readonly #app: ReturnType<typeof createApp>
  #random = 0

  constructor(options: TestEdgeOptions = {}) {
    const { clock, store } = this
    const log: LogLine = (event, fields) => this.log.push({ event, fields })
    const events = new EdgeEvents(log, options.tracer?.(clock))
    this.events = events
    const onFlushError = (error: unknown): void => events.storeFailed('writeLedgerEvents', error)
    this.accounts = new NodeAccounts({ sql: this.sql, store, now: clock.now, onFlushError })
    this.hub = new ProviderHub({
      timeouts: parseTimeouts(options.timeouts),
      prices: options.prices,
      byteStreams: options.byteStreams ?? false,
      schedule: (flush) => flush(),
      later: clock.later,
      now: clock.now,
      // Alternates: of two idle providers the first draw sees the newer, the second the older.
      random: () => (this.#random = (this.#random + 0.5) % 1),
      settle: (record) => {
        this.records.push(record)
        const settling = this.accounts.settle(record)
        settling.catch((error: unknown) => events.internalError(record.requestId, error))
        return settling
      },
      store: {
        storeReceipts: (receipts) => store.storeReceipts(receipts),
        providerSeen: (provider, capability, announcement) => {
          this.providers.seen(provider, capability, clock.now(), announcement)
          return store.providerSeen(provider, capability)
        },
      },
      events,
      audit: this.audit,
      audits: this.audits,
      hours: this.providers,
      trustedVerifiers: options.verifiers,
      openVerifiers: options.openVerifiers,
      verifierCheckShare: options.verifierCheckShare ?? 0,
      watch: options.watch,
    })
    const { hub, accounts } = this
    const hubPort: HubPort = {
      submit: (order) => {
        const answer = hub.submit(order)
        return options.watched?.(order, answer) ?? answer
      },
      cancel: (job, reason) => hub.cancel(job, reason),
      directory: () => hub.directory(),
      providersOf: (model) => hub.providersOf(model),
      presenceOf: (peers) => hub.presenceOf(peers),
      sharedGpusOf: (peers) => hub.sharedGpusOf(peers),
      askInvoice: (peer, order) => hub.askInvoice(peer, order),
      selfTest: (peer) => hub.selfTest(peer),
      metrics: () => events.metrics(),
    }
    const settler = { wake: () => this.onWake() }
    this.runner = new PricedJobRunner({
      hub: hubPort,
      accounts,
      events,
      now: clock.now,
      store: this.pricedJobs,
      settler,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          // Nothing here takes as long as a claim lasts.
          if (ms !== JOB_CLAIM_RENEW_MS) setImmediate(resolve)
          else signal.addEventListener('abort', () => resolve(), { once: true })
        }),
      random: () => 0,
      outlast: (work) => void work,
    })
    this.#app = createApp({
      hub: hubPort,
      accounts,
      store,
      archive: archiveIn(store),
      billing: this.billing,
      pricedJobs: { store: this.pricedJobs, feeBps: FEE_BPS, rates: DEFAULT_COMPUTE_RATES },
      settler,
      keys: new KeyRing(store, clock.now),
      audit: this.audit,
      audits: this.audits,
      slashes: this.slashes,
      providers: this.providers,
      earnings: this.earnings,
      l402: l402Of(options.masterKeys, {
        accounts,
        store,
        billing: this.billing,
        settler,
        now: clock.now,
      }),
      addressOf: (c) => c.req.header(ADDRESS_HEADER) ?? '192.0.2.1',
      events,
      now: clock.now,
      operatorToken: OPERATOR_TOKEN,
      openMetrics: false,
    })
    this.account = newAccountId(clock.now())
    this.key = this.addKey(this.account)
  }

  addKey(accountId: AccountId): string {
    const { id, secret, hash } = newApiKey()
    this.store.accounts.set(accountId, 'test')
    this.store.keys.set(id, { accountId, hash, expiresAt: null, revokedAt: null })
    return secret
  }

  /** Connects a provider that has logged in. */
  async provider(
    capability: Partial<Capability> = {},
    key: ProviderKey | undefined = undefined,
  ): Promise<FakeProvider> {
    const provider = new FakeProvider(this.hub, key).connect()
    const hello = provider.hello({ capability: capabilityOf(capability), now: this.clock.now() })
    await provider.login(hello)
    // Until its standing is known it gets no jobs.
    await new Promise(setImmediate)
    expect(provider.closed).toBeUndefined()
    return provider
  }

  /** The application itself, for hosts. */
  async fetch(request: Request): Promise<Response> {
    return this.#app.fetch(request)
  }

  async request(path: string, init: RequestInit & { key?: string } = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (!headers.has('authorization'))
      headers.set('authorization', `Bearer ${init.key ?? this.key}`)
    return this.fetch(new Request(`http://edge.test${path}`, { ...init, headers }))
  }

  /** POST /v1/chat/completions with a small valid body under `fields`. */
  chat(fields: Record<string, unknown> = {}, init: RequestInit & { key?: string } = {}) {
    const body = JSON.stringify({
      model: 'tiny',
      messages: [{ role: 'user', content: 'Count to three.' }],
      max_completion_tokens: 100,
      ...fields,
    })
    return this.request('/v1/chat/completions', { method: 'POST', body, ...init })
  }

  /** POST to the operator's API. */
  operate(path: string, body: unknown, method = 'POST'): Promise<Response> {
    const init = { method, key: OPERATOR_TOKEN }
    return this.request(path, body === undefined ? init : { ...init, body: JSON.stringify(body) })
  }

  balance(): Promise<Balance> {
    return this.accounts.balance(this.account)
  }

  /** The one record of the one job that a test has run. */
  get record(): JobRecord {
    expect(this.records).toHaveLength(1)
    return this.records[0]!
  }
}

export const capabilityOf = (fields: Partial<Capability> = {}): Capability => ({
  models: [modelOffer('tiny')],
  slots: 4,
  data_collection: 'deny',
  engine: 'fake',
  agent: 'fake/1',
  ...fields,
})

/** A {@link TestEdge} that is closed with its test and must not have logged an error of its own. */
export async function startEdge(options: TestEdgeOptions = {}): Promise<TestEdge> {
  const edge = new TestEdge(options)
  await edge.accounts.deposit(edge.account, 'start', CREDIT_MSAT)
  onTestFinished(async () => {
    await edge.accounts.close()
    edge.sql.close()
  })
  return edge
}
