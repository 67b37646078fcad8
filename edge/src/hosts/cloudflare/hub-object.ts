import { DurableObject } from 'cloudflare:workers'
import { CLOSE } from '@infernet/schemas/close-codes'
import { PING_TEXT, PONG_TEXT } from '@infernet/schemas/frame'
import type { JobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import { WS_SUBPROTOCOL } from '@infernet/schemas/wire'
import { parsePriceBounds } from '@infernet/settlement/price-bounds'
import { AuditKeys } from '../../audit/audit-keys.ts'
import { parseOpenVerifiers, parseVerifiers } from '../../audit/trusted-verifiers.ts'
import type { OperatorAsks } from '../../canary/operator-asks.ts'
import { crashable } from '../../crash-points.ts'
import { EdgeEvents } from '../../events.ts'
import { hubGauges } from '../../hub/hub-gauges.ts'
import { inTime } from '../../hub/in-time.ts'
import { toInvoiceOutcome, type InvoiceOutcome } from '../../hub/invoice-outcome.ts'
import { parseTimeouts } from '../../hub/job-timeouts.ts'
import type { ConnectionState, HubSocket } from '../../hub/hub-connections.ts'
import { ProviderHub } from '../../hub/provider-hub.ts'
import { ShardJobs, type ShardAnswer } from '../../hub/shard-jobs.ts'
import { MAX_LISTED_PROVIDERS, REPORT_TIMEOUT_MS } from '../../hub/shard-limits.ts'
import { regionOfShard } from '../../hub/shard-region.ts'
import { ShardReporter } from '../../hub/shard-reporter.ts'
import type { ShardLogin, ShardSnapshot } from '../../hub/shard-snapshot.ts'
import { ShardState } from '../../hub/shard-state.ts'
import type { InvoiceOrder, JobOrder, OfferView, Presence, SharedGpu } from '../../ports.ts'
import type { SelfTestOutcome } from '../../self-test/self-test-port.ts'
import type { RequestTrace } from '../../telemetry/request-spans.ts'
import type { Tracer } from '../../telemetry/tracer.ts'
import {
  atOf,
  auditKeysOf,
  auditsOf,
  conductTimesOf,
  directoryOf,
  providerStoreOf,
  storeOf,
  type WorkerEnv,
} from './env.ts'
import { objectAsks } from './object-asks.ts'
import { workerLog } from './worker-log.ts'
import { workerTracer } from './worker-tracer.ts'

/** A capture is tried again this often before its hold is left to expire in the client's favour. */
const SETTLE_ATTEMPTS = 6
const SETTLE_BACKOFF_MS = 100

/**
 * One hub shard as a Durable Object; providers' sockets hibernate while no job runs. Its name says its
 * region. It reports to the directory when it has changed, and is told there whom it has lost.
 */
export class HubObject extends DurableObject<WorkerEnv> {
  readonly #hub: ProviderHub
  readonly #jobs: ShardJobs
  readonly #events: EdgeEvents
  readonly #state: ShardState
  readonly #reporter: ShardReporter
  readonly #asks: OperatorAsks | undefined
  readonly #sockets = new Map<WebSocket, ProviderSocket>()
  /** The socket that each key logged in on. */
  readonly #peers = new Map<PeerId, WebSocket>()

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env)
    const shard = ctx.id.name ?? ''
    const region = regionOfShard(shard)
    if (region === undefined) throw new Error(`not the name of a hub shard: '${shard}'`)
    this.#jobs = new ShardJobs({
      submit: (order, options) => this.#hub.submit(order, options),
      settle: (record) => this.#settle(record),
    })
    this.#events = new ShardEvents(this.#jobs, workerTracer(env, shard, later))
    const keys = auditKeysOf(env)
    this.#hub = new ProviderHub({
      timeouts: parseTimeouts(env.JOB_TIMEOUTS),
      prices: parsePriceBounds(env.MIN_PRICE, env.MAX_PRICE),
      byteStreams: true,
      // A timer would keep an idle hub from hibernating; frames leave at once.
      schedule: (flush) => flush(),
      later,
      now: Date.now,
      random: Math.random,
      settle: (record) => {
        const settling = this.#jobs.ended(record)
        this.#reporter.touch()
        return settling
      },
      store: storeOf(env),
      events: this.#events,
      audit: keys ?? new AuditKeys(crypto.getRandomValues(new Uint8Array(32))),
      audits: keys && auditsOf(env),
      trustedVerifiers: parseVerifiers(env.VERIFIERS),
      openVerifiers: parseOpenVerifiers(env.OPEN_VERIFIERS),
      watch: {
        leased: (order, provider) => this.#asks?.leased(order, provider),
        ended: (order, record) => this.#asks?.ended(order, record),
      },
      hours: providerStoreOf(env),
      conductTimes: conductTimesOf(env),
    })
    this.#asks = objectAsks(env, keys, {
      events: this.#events,
      hub: this.#hub,
    })
    this.#state = new ShardState({
      shard,
      region,
      hub: this.#hub,
      life: crypto.randomUUID(),
      now: Date.now,
    })
    this.#reporter = new ShardReporter({
      snapshot: () => this.#state.snapshot(),
      send: (snapshot, logins) => this.#report(snapshot, logins),
      later,
      now: Date.now,
      onError: (error) => this.#events.directoryFailed(error),
    })
    hubGauges(this.#events, this.#hub)
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING_TEXT, PONG_TEXT))
    for (const ws of ctx.getWebSockets()) {
      const attached = ws.deserializeAttachment() as Attachment | null
      if (attached === null) continue
      const socket = this.#socketOf(ws)
      socket.state = attached.state
      if (attached.login !== undefined) this.#loggedIn(ws, socket, attached.login)
      this.#hub.restored(socket, attached.state)
    }
    // Sockets may have gone while nobody was here to see it.
    this.#reporter.touch()
  }

  /** A provider's WebSocket upgrade; the Worker has checked path and subprotocol. */
  override async fetch(request: Request): Promise<Response> {
    const pair = new WebSocketPair()
    this.ctx.acceptWebSocket(pair[1])
    this.#hub.connected(this.#socketOf(pair[1]), new URL(request.url).hostname)
    return new Response(null, {
      status: 101,
      webSocket: pair[0],
      headers: { 'sec-websocket-protocol': WS_SUBPROTOCOL },
    })
  }

  /** See `ShardHub`. */
  submit(order: JobOrder, last: boolean): Promise<ShardAnswer> {
    const answer = this.#jobs.submit(order, last)
    this.#reporter.touch()
    return this.#asks?.watched(order, answer) ?? answer
  }

  settle(record: JobRecord, request?: RequestTrace): void {
    this.#events.jobEnded(record, { request, attempts: [] }, this.#settle(record))
  }

  cancel(job: JobId, reason: string): void {
    this.#hub.cancel(job, reason)
  }

  /** How the shard is doing now; asking keeps it in the directory. */
  snapshot(): ShardSnapshot {
    return this.#state.snapshot()
  }

  /** These keys have logged in to another shard, later than they did here. */
  replaced(logins: readonly ShardLogin[]): void {
    for (const { peer, at } of logins) {
      const ws = this.#peers.get(peer)
      if (ws === undefined) continue
      const socket = this.#socketOf(ws)
      if (socket.login === undefined || socket.login.at > at) continue
      socket.close(CLOSE.replaced, 'the same key logged in to another hub')
      this.#gone(ws)
    }
  }

  providersOf(model: string): readonly OfferView[] {
    return this.#hub.providersOf(model).slice(0, MAX_LISTED_PROVIDERS)
  }

  presenceOf(peers: readonly PeerId[]): readonly Presence[] {
    return this.#hub.presenceOf(peers)
  }

  sharedGpusOf(peers: readonly PeerId[]): readonly SharedGpu[] {
    return this.#hub.sharedGpusOf(peers)
  }

  askInvoice(peer: PeerId, order: InvoiceOrder): Promise<InvoiceOutcome> {
    return toInvoiceOutcome(this.#hub.askInvoice(peer, order))
  }

  selfTest(peer: PeerId): Promise<SelfTestOutcome> {
    return this.#hub.selfTest(peer)
  }

  metrics(): string {
    return this.#events.metrics()
  }

  override webSocketMessage(ws: WebSocket, message: ArrayBuffer | string): Promise<void> {
    return this.#hub.received(
      this.#socketOf(ws),
      typeof message === 'string' ? message : new Uint8Array(message),
    )
  }

  override webSocketClose(ws: WebSocket): void {
    this.#gone(ws)
  }

  override webSocketError(ws: WebSocket): void {
    this.#gone(ws)
  }

  #gone(ws: WebSocket): void {
    const socket = this.#sockets.get(ws)
    if (socket === undefined) return
    this.#sockets.delete(ws)
    this.#hub.disconnected(socket)
    const peer = socket.login?.peer
    if (peer !== undefined && this.#peers.get(peer) === ws) this.#peers.delete(peer)
    this.#reporter.touch()
  }

  #socketOf(ws: WebSocket): ProviderSocket {
    let socket = this.#sockets.get(ws)
    if (socket === undefined) {
      const made: ProviderSocket = {
        state: undefined,
        login: undefined,
        send: (message) => unlessClosed(() => ws.send(message)),
        close: (code, reason) => {
          unlessClosed(() => ws.close(code, reason))
          this.#reporter.touch()
        },
        // The runtime does not tell; a provider that stalls is caught by the accept timeout.
        bufferedBytes: () => 0,
        save: (state) => this.#saved(ws, made, state),
      }
      socket = made
      this.#sockets.set(ws, socket)
    }
    return socket
  }

  #saved(ws: WebSocket, socket: ProviderSocket, state: ConnectionState): void {
    if (state.stage === 'ready' && socket.login === undefined) {
      this.#loggedIn(ws, socket, { peer: state.peer, at: Date.now(), isReported: false })
    }
    socket.state = state
    attach(ws, socket)
    this.#reporter.touch()
  }

  /** A login that the directory does not know of yet is told, also in a later life. */
  #loggedIn(ws: WebSocket, socket: ProviderSocket, login: SocketLogin): void {
    socket.login = login
    this.#peers.set(login.peer, ws)
    if (!login.isReported) this.#reporter.loggedIn(login)
  }

  async #report(snapshot: ShardSnapshot, logins: readonly ShardLogin[]): Promise<void> {
    const told = logins.map(({ peer, at }) => ({ peer, at }))
    await inTime(directoryOf(this.env).report(snapshot, told), REPORT_TIMEOUT_MS)
    for (const { peer, at } of logins) {
      const ws = this.#peers.get(peer)
      const socket = ws && this.#sockets.get(ws)
      if (ws === undefined || socket?.login?.at !== at) continue
      socket.login = { peer, at, isReported: true }
      attach(ws, socket)
    }
  }

  /** A capture may overtake its reserve, which then is still on its way; so both faults are retried. */
  #settle(record: JobRecord): Promise<void> {
    const settling = this.#settled(record)
    this.ctx.waitUntil(settling)
    return settling
  }

  async #settled(record: JobRecord): Promise<void> {
    const object = this.env.ACCOUNT.get(this.env.ACCOUNT.idFromName(record.accountId))
    const settle = async (ended: JobRecord): Promise<boolean> => object.settle(ended)
    const account = crashable({ settle }, { settle: 'capture' }, atOf(this.env))
    for (let attempt = 1; attempt <= SETTLE_ATTEMPTS; attempt++) {
      try {
        if (await account.settle(record)) return
      } catch (error) {
        if (attempt === SETTLE_ATTEMPTS) this.#events.internalError(record.requestId, error)
      }
      await new Promise((resolve) => setTimeout(resolve, SETTLE_BACKOFF_MS * 2 ** attempt))
    }
  }
}

interface SocketLogin extends ShardLogin {
  /** The directory knows of it. */
  readonly isReported: boolean
}

/** What a socket keeps through hibernation. */
interface Attachment {
  readonly state: ConnectionState
  readonly login: SocketLogin | undefined
}

/** A provider's socket, and the login on it. */
interface ProviderSocket extends HubSocket {
  state: ConnectionState | undefined
  login: SocketLogin | undefined
}

function attach(ws: WebSocket, { state, login }: ProviderSocket): void {
  if (state !== undefined) ws.serializeAttachment({ state, login } satisfies Attachment)
}

/** A job that goes on in another shard is counted where it ends. */
class ShardEvents extends EdgeEvents {
  readonly #jobs: ShardJobs

  constructor(jobs: ShardJobs, tracer: Tracer | undefined) {
    super(workerLog, tracer)
    this.#jobs = jobs
  }

  override jobEnded(...job: Parameters<EdgeEvents['jobEnded']>): void {
    if (!this.#jobs.isMoving(job[0].id)) super.jobEnded(...job)
  }
}

const later = (task: () => void, delayMs: number): void => void setTimeout(task, delayMs)

/** The runtime throws on a socket that has closed meanwhile; its close event says all there is to say. */
function unlessClosed(use: () => void): void {
  try {
    use()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
}
