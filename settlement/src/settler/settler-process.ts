import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { PgEscrowStore } from '../escrow/pg-escrow-store.ts'
import { PgInvoiceStore } from '../intake/pg-invoice-store.ts'
import { PgPayoutStore } from '../payout/pg-payout-store.ts'
import { connectDatabase } from '../db/connect.ts'
import { openDatabase } from '../db/database.ts'
import { jitteredBackoffMs } from '../backoff.ts'
import type { LightningBackend, NodeInfo } from '../lightning/lightning-backend.ts'
import { openLnd } from '../lightning/open-lnd.ts'
import { httpsPorts } from '../lnurl/https-ports.ts'
import type { AtStep } from './crash-at.ts'
import { EdgeLink } from './edge-link.ts'
import { invoiceSource } from './invoice-source.ts'
import { isAway } from './is-away.ts'
import { leasedBackend } from './leased-backend.ts'
import { startMetricsServer } from './metrics-server.ts'
import type { RunOptions } from './run-options.ts'
import { SettlerLease } from './settler-lease.ts'
import type { SettlerLog } from './settler-log.ts'
import { SettlerMetrics } from './settler-metrics.ts'
import { SettlerOptionError } from './settler-option-error.ts'
import { pgSettlerRows } from './settler-rows.ts'
import { runSettler, type SettlerRim } from './settler.ts'
import { Alarm } from './work-loop.ts'

/** Node and database may be started with us. */
const START_BACKOFF = { firstMs: 250, maxMs: 10_000 }

export interface ProcessParts {
  readonly options: RunOptions
  readonly log: SettlerLog
  readonly at: AtStep
  /** `INFERNET_ENV`. */
  readonly environment: string | undefined
  /** The node is known; nothing is done with it yet. */
  readonly onNode: (node: NodeInfo) => void
  /** The lease is ours: work begins. */
  readonly onReady: (node: NodeInfo) => void
}

/**
 * A settler beside its LND, from waiting for both and the lease to the clean end after `signal` aborts.
 * Throws `LeaseError` when it must not go on, {@link SettlerOptionError}, and what does not go away by itself.
 */
export async function runSettlerProcess(parts: ProcessParts, signal: AbortSignal): Promise<void> {
  const { options, log } = parts
  const connection = connectDatabase(options.databaseUrl)
  const intake = await openLnd(options.intake)
  const payout = await openLnd(options.payout)
  try {
    const node = await insisting(
      () => nodeOf(intake, payout, parts.environment),
      'node',
      log,
      signal,
    )
    if (node === undefined) return
    parts.onNode(node)
    const db = openDatabase(connection)
    const holder = randomBytes(16).toString('hex')
    const lease = new SettlerLease({ db, holder, node, lastsMs: options.leaseMs, monotonic, sleep })
    const waiting = () => log('lease_waiting')
    await insisting(() => lease.take(signal, waiting), 'database', log, signal)
    if (!lease.held()) return
    parts.onReady(node)
    await lead(parts, { db, node, intake, payout, lease }, signal)
    await lease.release().catch((error: unknown) => log('lease_not_released', { error }))
  } finally {
    intake.close()
    payout.close()
    await connection.close()
  }
}

interface Led {
  readonly db: ReturnType<typeof openDatabase>
  readonly node: NodeInfo
  readonly intake: LightningBackend
  readonly payout: LightningBackend
  readonly lease: SettlerLease
}

/** Works while the lease is held. */
async function lead(
  { options, log, at }: ProcessParts,
  { db, node, intake, payout, lease }: Led,
  signal: AbortSignal,
): Promise<void> {
  const alarm = new Alarm()
  const ring = () => alarm.ring()
  const onChange = (connected: boolean, why: string) =>
    connected ? log('edge_connected') : log('edge_away', { why })
  const { edgeUrl: url, edgeToken: token } = options
  const edge = new EdgeLink({ url, token, random: Math.random, sleep, onWake: ring, onChange })
  const gauges = {
    leaseHeld: () => lease.held(),
    edgeConnected: () => edge.connected,
    simulated: () => node.simulated,
  }
  const metrics = new SettlerMetrics(gauges, Date.now)
  const server =
    options.metricsPort === undefined
      ? undefined
      : await startMetricsServer(options.metricsPort, () => metrics.render())
  if (server !== undefined) log('metrics', { url: `http://127.0.0.1:${server.port}/metrics` })
  const invoices = new PgInvoiceStore({ db, nodePubkey: node.pubkey })
  const { network } = node
  try {
    await runSettler(
      {
        node,
        intake,
        payout: leasedBackend(payout, lease),
        invoices,
        payouts: new PgPayoutStore({ db, epoch: lease.epoch }),
        escrows: new PgEscrowStore({ db }),
        rows: pgSettlerRows(db, invoices, options.holdback),
        edge,
        requestInvoice: invoiceSource({ edge, network, now: Date.now, sleep, ports: httpsPorts }),
        keys: options.keys,
        settings: options.payouts,
        observers: { log, metrics, at, ring },
        alarm,
        rim,
      },
      [(until) => lease.keep(until), (until) => edge.run(until)],
      signal,
    )
  } finally {
    server?.close()
  }
}

/** The node behind both macaroons, which must be one and the same. */
async function nodeOf(
  intake: LightningBackend,
  payout: LightningBackend,
  environment: string | undefined,
): Promise<NodeInfo> {
  const [node, other] = [await intake.info(), await payout.info()]
  if (node.pubkey !== other.pubkey)
    throw new SettlerOptionError('The macaroons are of two different nodes')
  if (node.simulated && environment === 'production')
    throw new SettlerOptionError(
      `${node.alias} is a SIMULATED node, and INFERNET_ENV is production: connect an LND`,
    )
  return node
}

/** Until it is done; undefined when `signal` aborts first. What does not go away by itself is thrown. */
async function insisting<T>(
  work: () => Promise<T>,
  what: string,
  log: SettlerLog,
  signal: AbortSignal,
): Promise<T | undefined> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      return await work()
    } catch (error) {
      if (!isAway(error)) throw error
      if (failures === 0) log(`${what}_away`, { error })
      await sleep(jitteredBackoffMs(START_BACKOFF, failures, Math.random()), signal)
    }
  }
  return undefined
}

/** Ends early, and without an error, when `signal` aborts. */
const sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
  await pause(ms, undefined, { signal }).catch(() => {})
}

const monotonic = (): number => performance.now()

const rim: SettlerRim = {
  now: Date.now,
  random: Math.random,
  sleep,
  newPayoutId: () => `po_${randomBytes(16).toString('hex')}`,
}
