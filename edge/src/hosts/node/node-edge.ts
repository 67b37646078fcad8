import { mkdirSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CLOSE } from '@infernet/schemas/close-codes'
import type { MasterKeys } from '@infernet/settlement/l402/root-key'
import type { ComputeRates } from '@infernet/settlement/compute-price'
import type { PriceBounds } from '@infernet/settlement/price-bounds'
import { createApp } from '../../app.ts'
import { KeyRing } from '../../auth/key-ring.ts'
import { PricedJobRunner } from '../../billing/priced-job-runner.ts'
import type { ConductTimes } from '@infernet/verification/reputation/conduct'
import {
  ACCOUNT_POINTS,
  AUDIT_POINTS,
  BILLING_POINTS,
  crashable,
  HUB_POINTS,
  OUTBOX_EMPTIED,
  PRICED_JOB_POINTS,
  STORE_POINTS,
  type AtEdgeStep,
} from '../../crash-points.ts'
import { postgresAudits } from '../../db/audits.ts'
import { postgresCanaries } from '../../db/canaries.ts'
import { postgresArchive } from '../../db/receipt-archive.ts'
import { postgresSlashes } from '../../db/slashes.ts'
import { postgresEarnings } from '../../db/earnings.ts'
import { postgresProviders } from '../../db/provider-records.ts'
import { postgresBilling } from '../../db/billing.ts'
import { postgresPricedJobs } from '../../db/priced-jobs.ts'
import { postgresStore } from '../../db/store.ts'
import { EdgeEvents, type LogLine } from '../../events.ts'
import { hubGauges } from '../../hub/hub-gauges.ts'
import type { JobTimeouts } from '../../hub/job-timeouts.ts'
import { KnownModels } from '../../hub/known-models.ts'
import { ProviderHub } from '../../hub/provider-hub.ts'
import type { HubPort } from '../../ports.ts'
import { SettlerDesk } from '../../settler/settler-desk.ts'
import { settlerTasks } from '../../settler/settler-tasks.ts'
import { wakingStore } from '../../settler/waking-store.ts'
import { l402Of } from '../../l402/l402.ts'
import type { TelemetrySettings } from '../../telemetry/otlp-settings.ts'
import { nodeTracer } from './node-tracer.ts'
import { connectDatabase } from '@infernet/settlement/db/connect'
import { clientAddress } from './client-address.ts'
import { createHttpServer } from './http-server.ts'
import { NodeAccounts } from './node-accounts.ts'
import { NodeSql } from './node-sql.ts'
import { providerUpgrades } from './provider-sockets.ts'
import { settlerUpgrades } from './settler-sockets.ts'
import { acceptUpgrades } from './upgrades.ts'
import type { AuditKeys } from '../../audit/audit-keys.ts'
import type { CanarySettings } from '../../canary/canary-settings.ts'
import { hubAsks } from '../../canary/hub-asks.ts'

export interface NodeEdgeOptions {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  readonly dataDir: string
  /** `postgres://…` for any PostgreSQL, `http://…/sql` for the development database. */
  readonly databaseUrl: string
  readonly operatorToken: string | undefined
  /** Absent: no settler may connect. */
  readonly settlerToken?: string | undefined
  /** Makes and checks the tokens of bundles; without it none are sold. */
  readonly masterKeys?: MasterKeys | undefined
  readonly audit: AuditKeys
  /** Peer ids of verifiers that may be shown real prompts. */
  readonly trustedVerifiers?: ReadonlySet<string>
  /** Whether other verifiers may come; they are shown what clients have opened to anybody. */
  readonly openVerifiers?: boolean
  readonly conductTimes?: ConductTimes
  /** Absent: providers are asked nothing but what clients ask. */
  readonly canaries?: CanarySettings | undefined
  /** A proxy in front of us says in `X-Forwarded-For` where requests come from. */
  readonly trustProxy?: boolean
  readonly log: LogLine
  /** ms since the epoch; absent: this machine's clock. */
  readonly now?: (() => number) | undefined
  readonly timeouts: JobTimeouts
  /** What providers may ask. */
  readonly prices: PriceBounds
  /** The platform's part of what jobs cost, basis points. */
  readonly feeBps: number
  /** What computing is quoted at. */
  readonly computeRates: ComputeRates
  /** Absent: nothing is traced. */
  readonly telemetry?: TelemetrySettings | undefined
  /** For crash tests. */
  readonly at?: AtEdgeStep | undefined
}

export interface NodeEdge {
  readonly url: string
  /** Lets running jobs end for at most `graceMs`, then stops everything. */
  close(graceMs: number): Promise<void>
}

/** How long a stopping edge waits between looks at its running jobs. */
const DRAIN_POLL_MS = 50
/** How long a stopping edge tries to hand over its last spans. */
const TRACES_GRACE_MS = 3_000

/** The whole edge in one Node process: HTTP, hub, accounts. */
export async function startNodeEdge(options: NodeEdgeOptions): Promise<NodeEdge> {
  const now = options.now ?? Date.now
  const tracer = options.telemetry && nodeTracer(options.telemetry, options.log)
  const events = new EdgeEvents(options.log, tracer)
  const database = connectDatabase(options.databaseUrl)
  const { at } = options
  const store = crashable(postgresStore(database, now, options.feeBps), STORE_POINTS, at)
  mkdirSync(join(options.dataDir, 'edge'), { recursive: true, mode: 0o700 })
  const sql = new NodeSql(join(options.dataDir, 'edge', 'accounts.db'))
  const liveAccounts = new NodeAccounts({
    sql,
    store: wakingStore(store, { wake: () => settler.wake() }, now),
    now,
    onFlushError: (error) => events.storeFailed('writeLedgerEvents', error),
    onEmptied: at && (() => at(OUTBOX_EMPTIED)),
  })
  const accounts = crashable(liveAccounts, ACCOUNT_POINTS, at)
  const audits = crashable(postgresAudits(database), AUDIT_POINTS, at)
  const providers = postgresProviders(database, now)
  const hub = new ProviderHub({
    timeouts: options.timeouts,
    prices: options.prices,
    byteStreams: false,
    schedule: (flush, delayMs) =>
      void (delayMs === 0 ? setImmediate(flush) : setTimeout(flush, delayMs)),
    later: (task, delayMs) => void setTimeout(task, delayMs),
    now,
    random: Math.random,
    settle: (record) => {
      const settling = accounts.settle(record)
      settling.catch((error: unknown) => events.internalError(record.requestId, error))
      return settling
    },
    store,
    events,
    audit: options.audit,
    audits,
    trustedVerifiers: options.trustedVerifiers,
    openVerifiers: options.openVerifiers,
    watch: {
      leased: (order, provider) => asks?.leased(order, provider),
      ended: (order, record) => asks?.ended(order, record),
    },
    hours: providers,
    conductTimes: options.conductTimes,
  })
  hubGauges(events, hub)
  const asks =
    options.canaries &&
    hubAsks(options.canaries, {
      accounts,
      canaries: postgresCanaries(database),
      events,
      hub,
      keys: options.audit,
      now,
      sleep: (ms, signal) => pause(ms, undefined, { signal, ref: false }).catch(() => {}),
      store,
    })
  const known = new KnownModels({
    load: () => store.knownModels(),
    take: (models) => hub.remember(models),
    now,
    onError: (error) => events.storeFailed('knownModels', error),
  })
  void known.ask()
  const billing = crashable(postgresBilling(database), BILLING_POINTS, at)
  const plainHub: HubPort = {
    submit: (order) => {
      const answer = hub.submit(order)
      return asks?.watched(order, answer) ?? answer
    },
    cancel: (job, reason) => hub.cancel(job, reason),
    directory: () => {
      void known.ask()
      return hub.directory()
    },
    providersOf: (model) => hub.providersOf(model),
    presenceOf: (peers) => hub.presenceOf(peers),
    sharedGpusOf: (peers) => hub.sharedGpusOf(peers),
    askInvoice: (peer, order) => hub.askInvoice(peer, order),
    selfTest: (peer) => hub.selfTest(peer),
    metrics: () => events.metrics(),
  }
  const hubPort = crashable(plainHub, HUB_POINTS, at)
  const pricedJobs = crashable(postgresPricedJobs(database, now), PRICED_JOB_POINTS, at)
  const runner = new PricedJobRunner({
    hub: hubPort,
    accounts,
    events,
    now,
    store: pricedJobs,
    settler: { wake: () => settler.wake() },
    sleep: (ms, signal) => pause(ms, undefined, { signal }).catch(() => {}),
    random: Math.random,
    outlast: (work) => void work,
  })
  const settler = new SettlerDesk(
    settlerTasks({ accounts, billing, hub: hubPort, jobs: (ids) => runner.run(ids) }),
    (error) => events.settlerAskFailed(error),
  )
  const app = createApp({
    hub: hubPort,
    accounts,
    store,
    archive: postgresArchive(database),
    billing,
    pricedJobs: { store: pricedJobs, feeBps: options.feeBps, rates: options.computeRates },
    settler,
    keys: new KeyRing(store, now),
    audit: options.audit,
    audits,
    slashes: postgresSlashes(database),
    providers,
    earnings: postgresEarnings(database, now),
    l402: l402Of(options.masterKeys, { accounts, store, billing, settler, now }),
    addressOf: (c) => clientAddress(c, options.trustProxy ?? false),
    events,
    now,
    operatorToken: options.operatorToken,
    openMetrics: isLoopback(options.host),
  })
  const server = createHttpServer((request, from) => app.fetch(request, from))
  const sockets = [
    providerUpgrades(hub, (error) => events.internalError('', error)),
    settlerUpgrades(settler, options.settlerToken),
  ]
  acceptUpgrades(server, sockets)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${options.host}:${port}`,
    close: async (graceMs) => {
      server.close()
      server.closeIdleConnections()
      runner.drain()
      asks?.drain()
      hub.drain('the edge is restarting')
      const deadline = now() + graceMs
      while (hub.jobsInFlight + hub.verdictsAwaited > 0 && now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS))
      }
      await runner.close()
      hub.closeAll(CLOSE.restarting, 'the edge is restarting')
      await asks?.close()
      await hub.hoursWritten()
      for (const route of sockets) route.terminate()
      server.closeAllConnections()
      await accounts.close()
      await tracer?.exporter.close(TRACES_GRACE_MS)
      await database.close()
      sql.close()
    },
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.')
