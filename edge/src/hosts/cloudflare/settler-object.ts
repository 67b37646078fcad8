import { DurableObject } from 'cloudflare:workers'
import { PricedJobRunner } from '../../billing/priced-job-runner.ts'
import { EdgeEvents } from '../../events.ts'
import { SettlerDesk } from '../../settler/settler-desk.ts'
import type { SettlerLink, SettlerSocket } from '../../settler/settler-link.ts'
import { settlerTasks } from '../../settler/settler-tasks.ts'
import { billingOf, pricedJobsOf, type WorkerEnv } from './env.ts'
import { objectAccounts } from './object-accounts.ts'
import { shardHubs } from './shard-hubs.ts'
import { sleep } from './sleep.ts'
import { workerLog } from './worker-log.ts'

/** What the settler's JSON encoder makes of them: they are answered without waking the object. */
const PING = JSON.stringify({ type: 'ping' })
const PONG = JSON.stringify({ type: 'pong' })

/** Which connection came last; kept through hibernation. */
interface Attachment {
  readonly order: number
}

/** The settler's WebSocket, which hibernates while there is nothing to do. There is one such object. */
export class SettlerObject extends DurableObject<WorkerEnv> {
  readonly #desk: SettlerDesk
  readonly #links = new Map<WebSocket, SettlerLink>()
  #order = 0

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env)
    const events = new EdgeEvents(workerLog)
    const accounts = objectAccounts(env)
    const { hub } = shardHubs(env, events)
    const runner = new PricedJobRunner({
      hub,
      accounts,
      events,
      now: Date.now,
      store: pricedJobsOf(env).store,
      settler: this,
      sleep,
      random: Math.random,
      outlast: (work) => ctx.waitUntil(work),
    })
    const tasks = settlerTasks({
      accounts,
      billing: billingOf(env),
      hub,
      jobs: (ids) => runner.run(ids),
    })
    this.#desk = new SettlerDesk(tasks, (error) => events.settlerAskFailed(error))
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
    const sockets = ctx.getWebSockets().map((ws) => ({ ws, order: orderOf(ws) }))
    sockets.sort((a, b) => a.order - b.order)
    for (const { ws, order } of sockets) {
      this.#order = order
      this.#connected(ws)
    }
  }

  /** The settler's WebSocket upgrade; the Worker has checked path and token. */
  override async fetch(): Promise<Response> {
    const pair = new WebSocketPair()
    const [client, server] = [pair[0], pair[1]]
    this.ctx.acceptWebSocket(server)
    const attachment: Attachment = { order: ++this.#order }
    server.serializeAttachment(attachment)
    this.#connected(server)
    return new Response(null, { status: 101, webSocket: client })
  }

  /** See `SettlerPort`. */
  wake(): void {
    this.#desk.wake()
  }

  override async webSocketMessage(ws: WebSocket, message: ArrayBuffer | string): Promise<void> {
    const data = typeof message === 'string' ? message : new Uint8Array(message)
    await this.#links.get(ws)?.received(data)
  }

  override webSocketClose(ws: WebSocket): void {
    this.#gone(ws)
  }

  override webSocketError(ws: WebSocket): void {
    this.#gone(ws)
  }

  #connected(ws: WebSocket): void {
    const socket: SettlerSocket = {
      send: (text) => unlessClosed(() => ws.send(text)),
      close: (code, reason) => unlessClosed(() => ws.close(code, reason)),
    }
    this.#links.set(ws, this.#desk.connected(socket))
  }

  #gone(ws: WebSocket): void {
    const link = this.#links.get(ws)
    if (link !== undefined) this.#desk.disconnected(link)
    this.#links.delete(ws)
  }
}

function orderOf(ws: WebSocket): number {
  const attachment = ws.deserializeAttachment() as Attachment | null
  return attachment?.order ?? 0
}

/** The runtime throws at a socket that is closing; its end is told by an event. */
function unlessClosed(act: () => void): void {
  try {
    act()
  } catch {
    // It is told.
  }
}
