import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import { LOOPBACK } from '../loopback.ts'
import type { WatchedJob } from './watched-job.ts'

/** The edge's end of an agent: gives jobs, and notes when their answers come. */
export interface EdgeEnd extends Disposable {
  /** Host and port. */
  readonly host: string
  /** Resolves when an agent is connected, and has something to offer. */
  readonly ready: Promise<void>
  /** Sends a job at once. */
  give(job: WatchedJob, body: Buffer): void
}

/** Largest message: many times an answer here. */
const MAX_MESSAGE_BYTES = 1024 * 1024

/** Listens for the one agent of a bench. */
export async function listenForAgent(
  options: ServerOptions,
  onAgent: (socket: WebSocket) => void,
): Promise<Disposable & { readonly host: string }> {
  const sockets = new WebSocketServer({
    ...options,
    host: LOOPBACK,
    port: 0,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  })
  await once(sockets, 'listening')
  sockets.on('connection', onAgent)
  return {
    host: `${LOOPBACK}:${(sockets.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
    },
  }
}
