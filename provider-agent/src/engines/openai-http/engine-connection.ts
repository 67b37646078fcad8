import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { AGENT_VERSION } from '../../version.ts'
import { EngineStartError } from '../engine.ts'

/** One HTTP request to the engine. */
export interface EngineHttpRequest {
  /** Below `/v1`. */
  readonly path: string
  /** Beside `/v1` instead, where servers have what is not OpenAI's. */
  readonly isBeside?: boolean
  /** Makes it a POST of JSON. */
  readonly body?: string
  /** Take a connection that served before, and leave it for the next. */
  readonly reuse: boolean
  /** The agent asks for itself, which the engine's log should show. */
  readonly probes?: boolean
  readonly onResponse: (response: IncomingMessage) => void
}

/** An OpenAI-compatible server and how to speak to it. */
export interface EngineConnection {
  /** Sends a request; the caller listens for 'error'. Redirects are not followed. */
  request(request: EngineHttpRequest): ClientRequest
  /** For messages. */
  readonly base: string
  /** Whether it is on this machine, where its files may be ours to read. */
  readonly isLocal: boolean
}

/** Told apart from customers' requests in an engine's log. */
export const PROBE_AGENT = `infernet-agent/${AGENT_VERSION} (probe)`
const PROBE_HEADERS = { 'user-agent': PROBE_AGENT }

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/

/** Idle connections kept: as many as jobs a large engine runs at once. */
const MAX_IDLE_SOCKETS = 64

/** A socket in the file system: `unix:/run/engine.sock`. */
const UNIX_URL = /^unix:(\/.+)$/

/**
 * Connects to `--engine-url`, with or without `/v1`, or to a socket. Throws `EngineStartError` for a
 * URL that is none.
 */
export function connectEngine(url: string, key: string | undefined): EngineConnection {
  const socketPath = UNIX_URL.exec(url)?.[1]
  if (socketPath !== undefined) return connectTo(new URL('http://localhost'), key, socketPath)
  const base = URL.canParse(url) ? new URL(url) : undefined
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw new EngineStartError(
      `'${url}' is not the URL of an engine; write it like --engine-url http://127.0.0.1:8000`,
    )
  }
  return connectTo(base, key)
}

function connectTo(base: URL, key: string | undefined, socketPath?: string): EngineConnection {
  const { request, Agent } = base.protocol === 'https:' ? https : http
  const fresh = new Agent({ keepAlive: false })
  const reused = new Agent({ keepAlive: true, maxFreeSockets: MAX_IDLE_SOCKETS })
  const beside = base.pathname.replace(/\/+$/, '').replace(/\/v1$/, '')
  const root = `${beside}/v1`
  const hostname = base.hostname.replace(/^\[|\]$/g, '')
  const target = socketPath === undefined ? { hostname, port: base.port } : { socketPath }
  const authorization = key ? { authorization: `Bearer ${key}` } : {}
  return {
    base: socketPath === undefined ? base.origin + root : `unix:${socketPath}`,
    isLocal: LOOPBACK.test(hostname),
    request({ path, isBeside, body, reuse, probes, onResponse }) {
      const type = body === undefined ? {} : { 'content-type': 'application/json' }
      const options = {
        ...target,
        agent: reuse ? reused : fresh,
        path: (isBeside === true ? beside : root) + path,
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...authorization, ...type, ...(probes === true ? PROBE_HEADERS : {}) },
      }
      // A body given to end() before anything else gets its content-length from Node.
      const sent = request(options, onResponse)
      sent.end(body)
      return sent
    },
  }
}

/**
 * Collects a body of at most `maxBytes`; undefined when it is longer. Calls back once, at its end; `onHeld` hears how many
 * bytes are there, and may destroy the response.
 */
export function collect(
  response: IncomingMessage,
  maxBytes: number,
  onBody: (body: Buffer | undefined) => void,
  onHeld?: (bytes: number) => void,
): void {
  const chunks: Buffer[] = []
  let size = 0
  response.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > maxBytes) {
      response.destroy()
      onBody(undefined)
    } else {
      chunks.push(chunk)
      onHeld?.(size)
    }
  })
  response.on('end', () => onBody(Buffer.concat(chunks)))
}
