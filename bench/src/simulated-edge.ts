import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createApp } from '@infernet/edge/app'
import { KeyRing } from '@infernet/edge/auth/key-ring'
import { EdgeEvents } from '@infernet/edge/events'
import { createHttpServer } from '@infernet/edge/hosts/node/http-server'
import { NodeAccounts } from '@infernet/edge/hosts/node/node-accounts'
import { NodeSql } from '@infernet/edge/hosts/node/node-sql'
import { parseTimeouts } from '@infernet/edge/hub/job-timeouts'
import type { HubSocket } from '@infernet/edge/hub/hub-connections'
import { ProviderHub } from '@infernet/edge/hub/provider-hub'
import type { HoldRequest, HoldResult } from '@infernet/edge/ports'
import { archiveIn } from '@infernet/edge/testing/memory-archive'
import { MemoryAudits } from '@infernet/edge/testing/memory-audits'
import { MemoryEarnings } from '@infernet/edge/testing/memory-earnings'
import { MemoryProviders } from '@infernet/edge/testing/memory-providers'
import { MemorySlashes } from '@infernet/edge/testing/memory-slashes'
import { MemoryBilling } from '@infernet/edge/testing/memory-billing'
import { MemoryPricedJobs } from '@infernet/edge/testing/memory-priced-jobs'
import { MemoryStore } from '@infernet/edge/testing/memory-store'
import { newApiKey } from '@infernet/schemas/api-key'
import { newAccountId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { peerIdOf } from '@infernet/schemas/peer-id'
import type { Capability } from '@infernet/schemas/wire'
import { DEFAULT_COMPUTE_RATES } from '@infernet/settlement/compute-price'
import { type WebSocket, WebSocketServer } from 'ws'
import { startChild } from './child-process.ts'
import { listeningUrl, LOOPBACK } from './loopback.ts'
import { BENCH_MODEL } from './mock-engine.ts'
import { AuditKeys } from '@infernet/edge/audit/audit-keys'

const CREDIT_MSAT = 1_000_000_000_000
const FEE_BPS = 100
const US_PER_MS = 1_000

/** What the live account's part of requests took, µs each; nothing else runs meanwhile. */
export interface AccountTimes {
  readonly holdsUs: readonly number[]
  readonly capturesUs: readonly number[]
  /** Of groups to disk. Nobody waits for it, but for who comes at that moment. */
  readonly commitsUs: readonly number[]
}

export interface SimulatedEdge {
  /** Of `POST /v1/chat/completions`. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Since the last call. */
  takeTimes(): AccountTimes
  [Symbol.asyncDispose](): Promise<void>
}

/** Times of one edge, that its parts add to. */
class Stopwatch {
  #times = { holdsUs: [] as number[], capturesUs: [] as number[], commitsUs: [] as number[] }

  run<T>(part: keyof AccountTimes, work: () => T): T {
    const start = performance.now()
    try {
      return work()
    } finally {
      this.#times[part].push((performance.now() - start) * US_PER_MS)
    }
  }

  take(): AccountTimes {
    const times = this.#times
    this.#times = { holdsUs: [], capturesUs: [], commitsUs: [] }
    return times
  }
}

class TimedSql extends NodeSql {
  readonly #watch: Stopwatch

  constructor(path: string, watch: Stopwatch) {
    super(path)
    this.#watch = watch
  }

  override commitGroup(): void {
    this.#watch.run('commitsUs', () => super.commitGroup())
  }
}

/** Both work at once, before they return their promise; what they wait for after that keeps no client. */
class TimedAccounts extends NodeAccounts {
  readonly #watch: Stopwatch

  constructor(sql: NodeSql, watch: Stopwatch) {
    super({
      sql,
      store: { writeLedgerEvents: () => Promise.resolve() },
      now: Date.now,
      onFlushError: (error) => {
        throw error
      },
    })
    this.#watch = watch
  }

  override reserve(request: HoldRequest): Promise<HoldResult> {
    return this.#watch.run('holdsUs', () => super.reserve(request))
  }

  override settle(record: JobRecord): Promise<void> {
    return this.#watch.run('capturesUs', () => super.settle(record))
  }
}

/**
 * The whole edge of the Node host on a port of its own, with live balances in the file `database`. Its one
 * provider, in a process of its own, answers at once, and its Postgres takes everything at once: what a
 * request takes here is the edge's own, and a WebSocket's.
 */
export async function startSimulatedEdge(database: string): Promise<SimulatedEdge> {
  await using cleanup = new AsyncDisposableStack()
  const watch = new Stopwatch()
  const sql = new TimedSql(database, watch)
  const accounts = new TimedAccounts(sql, watch)
  const events = new EdgeEvents(() => undefined)
  const store = new MemoryStore()
  const audit = new AuditKeys(randomBytes(32))
  const hub = new ProviderHub({
    timeouts: parseTimeouts(undefined),
    byteStreams: false,
    schedule: (flush) => void setImmediate(flush),
    later: (task, delayMs) => void setTimeout(task, delayMs).unref(),
    now: Date.now,
    random: Math.random,
    settle: (record) => accounts.settle(record),
    store,
    events,
    audit,
  })
  cleanup.defer(() => sql.close())
  cleanup.defer(() => accounts.close())
  cleanup.use(await connectProvider(hub))
  const accountId = newAccountId(Date.now())
  const { id, secret, hash } = newApiKey()
  store.keys.set(id, { accountId, hash, expiresAt: null, revokedAt: null })
  await accounts.deposit(accountId, 'start', CREDIT_MSAT)
  const audits = new MemoryAudits()
  const app = createApp({
    hub: {
      submit: (order) => hub.submit(order),
      cancel: (job, reason) => hub.cancel(job, reason),
      directory: () => hub.directory(),
      providersOf: (model) => hub.providersOf(model),
      presenceOf: (peers) => hub.presenceOf(peers),
      sharedGpusOf: (peers) => hub.sharedGpusOf(peers),
      askInvoice: (peer, order) => hub.askInvoice(peer, order),
      selfTest: (peer) => hub.selfTest(peer),
      metrics: () => events.metrics(),
    },
    accounts,
    store,
    archive: archiveIn(store),
    billing: new MemoryBilling(),
    pricedJobs: {
      store: new MemoryPricedJobs(Date.now),
      feeBps: FEE_BPS,
      rates: DEFAULT_COMPUTE_RATES,
    },
    settler: { wake: () => undefined },
    keys: new KeyRing(store, Date.now),
    audit,
    audits,
    slashes: new MemorySlashes(audits),
    providers: new MemoryProviders({ store, audits }, Date.now),
    earnings: new MemoryEarnings({ store }),
    l402: undefined,
    addressOf: () => LOOPBACK,
    events,
    now: Date.now,
    operatorToken: undefined,
    openMetrics: false,
  })
  const server = createHttpServer((request) => app.fetch(request))
  await once(server.listen(0, LOOPBACK), 'listening')
  cleanup.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  const running = cleanup.move()
  return {
    url: new URL(`${listeningUrl(server)}/v1/chat/completions`),
    headers: { authorization: `Bearer ${secret}` },
    takeTimes: () => watch.take(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Starts `instant-provider.ts`, and takes it for a provider that has logged in. */
async function connectProvider(hub: ProviderHub): Promise<AsyncDisposable> {
  await using cleanup = new AsyncDisposableStack()
  const server = new WebSocketServer({ host: LOOPBACK, port: 0, perMessageDeflate: false })
  cleanup.defer(() => server.close())
  await once(server, 'listening')
  const url = listeningUrl(server).replace('http', 'ws')
  const script = join(import.meta.dirname, 'instant-provider.ts')
  const child = startChild({ name: 'provider', args: [script, url] })
  cleanup.defer(() => child.stop())
  const [ws] = (await once(server, 'connection')) as [WebSocket]
  const socket: HubSocket = {
    send: (message) => ws.send(message),
    close: (_code, reason) => {
      throw new Error(`the hub cut a simulated provider off: ${reason}`)
    },
    bufferedBytes: () => ws.bufferedAmount,
    save: () => undefined,
  }
  ws.on('message', (message: Buffer) => void hub.received(socket, message))
  const peer = peerIdOf(randomBytes(32))
  hub.restored(socket, { stage: 'ready', peer, capability: CAPABILITY })
  return cleanup.move()
}

const CAPABILITY: Capability = {
  models: [
    {
      id: BENCH_MODEL,
      context_length: 8192,
      price: { prompt: 1_000_000, completion: 2_000_000 },
      capabilities: [],
      endpoints: ['chat.completions'],
    },
  ],
  slots: 64,
  data_collection: 'deny',
  engine: 'simulated',
  agent: 'bench',
}
