import { DurableObject } from 'cloudflare:workers'
import type { JobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { PING_TEXT, PONG_TEXT } from '@infernet/schemas/frame'
import { WS_SUBPROTOCOL } from '@infernet/schemas/wire'
import { connectNeon } from '../../db/neon-db.ts'
import { postgresStore } from '../../db/store.ts'
import { EdgeEvents } from '../../events.ts'
import { parseTimeouts } from '../../hub/job-timeouts.ts'
import { ProviderHub, type ConnectionState, type HubSocket } from '../../hub/provider-hub.ts'
import type { Directory, JobAnswer, JobOrder } from '../../ports.ts'
import type { WorkerEnv } from './env.ts'
import { workerLog } from './worker-log.ts'

/** A capture is tried again this often before its hold is left to expire in the client's favour. */
const SETTLE_ATTEMPTS = 6
const SETTLE_BACKOFF_MS = 100

/** One hub shard as a Durable Object; providers' sockets hibernate while no job runs. */
export class HubObject extends DurableObject<WorkerEnv> {
  readonly #hub: ProviderHub
  readonly #events = new EdgeEvents(workerLog)
  readonly #sockets = new Map<WebSocket, HubSocket>()

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env)
    const store = postgresStore(connectNeon(env.DATABASE_URL), Date.now)
    this.#hub = new ProviderHub({
      timeouts: parseTimeouts(env.JOB_TIMEOUTS),
      byteStreams: true,
      // A timer would keep an idle hub from hibernating; frames leave at once.
      schedule: (flush) => flush(),
      later: (task, delayMs) => void setTimeout(task, delayMs),
      now: Date.now,
      random: Math.random,
      settle: (record) => ctx.waitUntil(this.#settle(record)),
      store,
      events: this.#events,
    })
    this.#events.gauge('infernet_jobs_in_flight', 'Jobs running now.', () => this.#hub.jobsInFlight)
    this.#events.gauge(
      'infernet_providers_connected',
      'Providers connected now.',
      () => this.#hub.providers,
    )
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING_TEXT, PONG_TEXT))
    for (const ws of ctx.getWebSockets()) {
      const state = ws.deserializeAttachment() as ConnectionState | null
      if (state !== null) this.#hub.restored(this.#socketOf(ws), state)
    }
    ctx.waitUntil(
      store.knownModels().then(
        (models) => this.#hub.remember(models),
        (error: unknown) => this.#events.storeFailed('knownModels', error),
      ),
    )
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

  submit(order: JobOrder): Promise<JobAnswer> {
    return this.#hub.submit(order)
  }

  cancel(job: JobId, reason: string): void {
    this.#hub.cancel(job, reason)
  }

  directory(): Directory {
    return this.#hub.directory()
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
    this.#sockets.delete(ws)
    if (socket !== undefined) this.#hub.disconnected(socket)
  }

  #socketOf(ws: WebSocket): HubSocket {
    let socket = this.#sockets.get(ws)
    if (socket === undefined) {
      socket = {
        send: (message) => unlessClosed(() => ws.send(message)),
        close: (code, reason) => unlessClosed(() => ws.close(code, reason)),
        // The runtime does not tell; a provider that stalls is caught by the accept timeout.
        bufferedBytes: () => 0,
        save: (state) => ws.serializeAttachment(state),
      }
      this.#sockets.set(ws, socket)
    }
    return socket
  }

  /** A capture may overtake its reserve, which then is still on its way; so both faults are retried. */
  async #settle(record: JobRecord): Promise<void> {
    const account = this.env.ACCOUNT.get(this.env.ACCOUNT.idFromName(record.accountId))
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

/** The runtime throws on a socket that has closed meanwhile; its close event says all there is to say. */
function unlessClosed(use: () => void): void {
  try {
    use()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
}
