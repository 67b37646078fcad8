/**
 * The floor that the bench compares with: the least that our topology can cost.
 *
 *   client --HTTP--> gateway <--one WebSocket-- agent --HTTP keep-alive--> engine
 *
 * No keys, no checks, no metering, no flow control. `node relay.ts gateway` prints one JSON line when
 * it listens; `node relay.ts agent WS_URL ENGINE_URL` prints one when it is connected.
 * A frame is [u8 type][u32 job][payload]; a head's payload is [u16 status][content type].
 */
import { once } from 'node:events'
import { Agent, createServer, request as httpRequest, type ClientRequest } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import { LOOPBACK, listeningUrl } from './loopback.ts'

/** Types of frames between gateway and agent. */
export const RELAY_FRAME = { request: 1, cancel: 2, head: 3, data: 4, end: 5, failed: 6 } as const
const HEADER_BYTES = 5
const STATUS_BYTES = 2
const NOTHING = Buffer.alloc(0)

/** Largest frame: a request body of the largest scenario many times over. */
const MAX_FRAME_BYTES = 1024 * 1024

/** A frame as it is sent. */
export function relayFrame(type: number, job: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  bytes[0] = type
  bytes.writeUInt32BE(job, 1)
  payload.copy(bytes, HEADER_BYTES)
  return bytes
}

/** Calls `handle` with every frame that comes. */
export function onRelayFrame(
  socket: WebSocket,
  handle: (type: number, job: number, body: Buffer) => void,
) {
  socket.on('message', (bytes: Buffer) =>
    handle(bytes.readUInt8(0), bytes.readUInt32BE(1), bytes.subarray(HEADER_BYTES)),
  )
}

/** Creates the gateway: an HTTP server that relays every request over the agent's WebSocket. */
export function createRelayGateway(): Server {
  const jobs = new Map<number, ServerResponse>()
  let agent: WebSocket | undefined
  let lastJob = 0
  const server = createServer((request, response) => {
    const socket = agent
    if (socket === undefined) return void response.writeHead(503).end()
    const job = (lastJob = (lastJob + 1) >>> 0)
    const body: Buffer[] = []
    jobs.set(job, response)
    request.on('data', (part: Buffer) => body.push(part))
    request.on('end', () => socket.send(relayFrame(RELAY_FRAME.request, job, Buffer.concat(body))))
    response.on('close', () => {
      if (jobs.delete(job)) socket.send(relayFrame(RELAY_FRAME.cancel, job, NOTHING))
    })
  })
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
  })
  sockets.on('connection', (socket) => {
    agent = socket
    onRelayFrame(socket, (type, job, body) => {
      const response = jobs.get(job)
      if (response === undefined) return
      if (type === RELAY_FRAME.data) return void response.write(body)
      if (type === RELAY_FRAME.head) {
        const contentType = body.toString('latin1', STATUS_BYTES)
        return void response.writeHead(body.readUInt16BE(0), { 'content-type': contentType })
      }
      jobs.delete(job)
      if (type === RELAY_FRAME.end) response.end()
      else response.destroy()
    })
  })
  return server
}

/** Connects an agent that runs every job it is sent on the engine; resolves when it is connected. */
export async function connectRelayAgent(gatewayUrl: string, engineUrl: string): Promise<WebSocket> {
  const socket = new WebSocket(gatewayUrl, {
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
  })
  const jobs = new Map<number, ClientRequest>()
  const agent = new Agent({ keepAlive: true })
  const send = (type: number, job: number, body: Buffer) => socket.send(relayFrame(type, job, body))
  const headers = { 'content-type': 'application/json' }
  const options = { method: 'POST', agent, headers }
  const run = (job: number, body: Buffer) => {
    const upstream = httpRequest(`${engineUrl}/v1/chat/completions`, options, (response) => {
      const head = Buffer.from(`--${response.headers['content-type']}`, 'latin1')
      head.writeUInt16BE(response.statusCode ?? 502, 0)
      send(RELAY_FRAME.head, job, head)
      response.on('data', (part: Buffer) => send(RELAY_FRAME.data, job, part))
      response.on('end', () => send(RELAY_FRAME.end, job, NOTHING))
      response.on('error', () => send(RELAY_FRAME.failed, job, NOTHING))
    })
    jobs.set(job, upstream)
    upstream.on('error', () => send(RELAY_FRAME.failed, job, NOTHING))
    upstream.on('close', () => jobs.delete(job))
    upstream.end(body)
  }
  onRelayFrame(socket, (type, job, body) =>
    type === RELAY_FRAME.request ? run(job, body) : jobs.get(job)?.destroy(),
  )
  await once(socket, 'open')
  return socket
}

if (import.meta.main) {
  const [role, gatewayUrl, engineUrl] = process.argv.slice(2)
  if (role === 'gateway') {
    const server = createRelayGateway().listen(0, LOOPBACK)
    await once(server, 'listening')
    console.log(JSON.stringify({ ready: true, url: listeningUrl(server) }))
  } else if (role === 'agent' && gatewayUrl !== undefined && engineUrl !== undefined) {
    await connectRelayAgent(gatewayUrl, engineUrl)
    console.log(JSON.stringify({ ready: true }))
  } else {
    throw new Error('usage: relay.ts gateway | agent WS_URL ENGINE_URL')
  }
}
