import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AgentWatch } from './agent-watch.ts'
import type { AgentStatus, ModelStatus } from './agent-status.ts'
import {
  CONTROL_REQUEST_MS,
  MAX_CONTROL_CONNECTIONS,
  MAX_CONTROL_HEADER_BYTES,
  MAX_EVENTS_KEPT,
  MAX_FOLLOWER_BYTES,
  MAX_FOLLOWERS,
} from './control-limits.ts'

/** What the control socket shows and does. */
export interface ControlDesk {
  readonly watch: Pick<AgentWatch, 'last' | 'follow' | 'followers'>
  status(): AgentStatus
  models(): readonly ModelStatus[]
  /** Aborted when the agent ends: who follows has all. */
  readonly closing: AbortSignal
  /** No new jobs; a second call changes nothing. */
  drain(): void
}

/** HTTP for the owner's own commands; whoever can reach the socket may ask everything. */
export function controlServer(desk: ControlDesk): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_CONTROL_HEADER_BYTES,
      headersTimeout: CONTROL_REQUEST_MS,
      requestTimeout: CONTROL_REQUEST_MS,
      connectionsCheckingInterval: CONTROL_REQUEST_MS,
    },
    (request, response) => answer(desk, request, response),
  )
  server.maxConnections = MAX_CONTROL_CONNECTIONS
  return server
}

/** Of paths; nobody listens there. */
const BASE = 'http://agent'

function answer(desk: ControlDesk, request: IncomingMessage, response: ServerResponse): void {
  const { url: asked = '/' } = request
  // `//` is a path to HTTP, and no URL.
  const url = new URL(URL.canParse(asked, BASE) ? asked : '/', BASE)
  // Nothing that can be asked takes a body.
  if ((request.headers['content-length'] ?? '0') !== '0' || request.headers['transfer-encoding']) {
    response.setHeader('connection', 'close')
    return fault(response, 413, 'no request takes a body')
  }
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /status':
      return json(response, 200, desk.status())
    case 'GET /models':
      return json(response, 200, { object: 'list', data: desk.models() })
    case 'GET /events':
      return events(desk, url.searchParams, response)
    case 'POST /drain':
      desk.drain()
      return json(response, 202, desk.status())
    default:
      fault(response, 404, `there is no ${request.method} ${url.pathname}`)
  }
}

function events(
  { closing, watch }: ControlDesk,
  query: URLSearchParams,
  response: ServerResponse,
): void {
  const tail = query.get('tail') ?? String(MAX_EVENTS_KEPT)
  if (!/^\d{1,6}$/.test(tail)) return fault(response, 400, 'tail is a number of lines')
  const isFollowed = query.get('follow') === '1'
  if (isFollowed && watch.followers >= MAX_FOLLOWERS) {
    return fault(response, 503, `${MAX_FOLLOWERS} follow the events already`)
  }
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  const lines = watch.last(Number(tail)).join('')
  if (!isFollowed) return void response.end(lines)
  response.flushHeaders()
  if (lines !== '') response.write(lines)
  const leave = watch.follow((line) => {
    response.write(line)
    if (response.writableLength > MAX_FOLLOWER_BYTES + lines.length) response.destroy()
  })
  const end = () => void response.end()
  closing.addEventListener('abort', end)
  response.on('close', () => {
    closing.removeEventListener('abort', end)
    leave()
  })
}

const fault = (response: ServerResponse, status: number, message: string): void =>
  json(response, status, { error: { message } })

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
