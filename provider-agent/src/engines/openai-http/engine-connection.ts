import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { AGENT_VERSION } from '../../version.ts'
import { EngineStartError } from '../engine.ts'
import { GatheredBody } from './gathered-body.ts'
import { EngineSockets, type Exchange, type ExchangeListener } from './engine-sockets.ts'

/** One question of the agent's own. */
export interface EngineHttpRequest {
  /** Below `/v1`. */
  readonly path: string
  /** Beside `/v1` instead, where servers have what is not OpenAI's. */
  readonly isBeside?: boolean
  /** Makes it a POST of JSON. */
  readonly body?: string
  /** The agent asks for itself, which the engine's log should show. */
  readonly probes?: boolean
  readonly onResponse: (response: IncomingMessage) => void
}

/** What a job asks. */
export interface EnginePost extends Pick<EngineHttpRequest, 'path' | 'probes'> {
  /** JSON. */
  readonly body: string
  /** Take a connection that served before, and leave it for the next. */
  readonly reuse: boolean
  /** In ms: the listener hears of so long a silence. */
  readonly silenceMs: number
}

/** An OpenAI-compatible server and how to speak to it. Redirects are not followed. */
export interface EngineConnection {
  /** Sends a question, over a connection of its own; the caller listens for 'error'. */
  request(request: EngineHttpRequest): ClientRequest
  /** Sends a job. */
  post(post: EnginePost, listener: ExchangeListener): Exchange
  /** Ends connections that nobody uses. */
  close(): void
  /** For messages. */
  readonly base: string
  /** Whether it is on this machine, where its files may be ours to read. */
  readonly isLocal: boolean
}

/** Told apart from customers' requests in an engine's log. */
export const PROBE_AGENT = `infernet-agent/${AGENT_VERSION} (probe)`
const PROBE_HEADERS = { 'user-agent': PROBE_AGENT }
const JSON_TYPE = { 'content-type': 'application/json' }

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/

/** RFC 9110, 5.5: anything else could begin a field, or a request, of its own. */
const HEADER_TEXT = /^[\t\x20-\x7e]*$/

/** A socket in the file system: `unix:/run/engine.sock`. */
const UNIX_URL = /^unix:(\/.+)$/

/**
 * Connects to `--engine-url`, with or without `/v1`, or to a socket. Throws `EngineStartError` for a
 * URL or a key that is none.
 */
export function connectEngine(url: string, key: string | undefined): EngineConnection {
  if (key !== undefined && !HEADER_TEXT.test(key)) {
    throw new EngineStartError(
      'the key of the engine has a character that no HTTP header takes; set INFERNET_ENGINE_KEY anew',
    )
  }
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
  const isSecure = base.protocol === 'https:'
  const { request, Agent } = isSecure ? https : http
  const fresh = new Agent({ keepAlive: false })
  const beside = base.pathname.replace(/\/+$/, '').replace(/\/v1$/, '')
  const root = `${beside}/v1`
  const host = base.hostname.replace(/^\[|\]$/g, '')
  const port = Number(base.port || (isSecure ? 443 : 80))
  const target = socketPath === undefined ? { host, port } : { socketPath }
  const sockets = new EngineSockets(
    socketPath === undefined ? { host, port, isSecure } : { socketPath },
  )
  const authorization = key ? { authorization: `Bearer ${key}` } : {}
  return {
    base: socketPath === undefined ? base.origin + root : `unix:${socketPath}`,
    isLocal: LOOPBACK.test(host),
    request({ path, isBeside, body, probes, onResponse }) {
      const type = body === undefined ? {} : JSON_TYPE
      const sent = request(
        {
          ...target,
          agent: fresh,
          path: (isBeside === true ? beside : root) + path,
          method: body === undefined ? 'GET' : 'POST',
          headers: { ...authorization, ...type, ...(probes === true ? PROBE_HEADERS : {}) },
        },
        onResponse,
      )
      // A body given to end() before anything else gets its content-length from Node.
      sent.end(body)
      return sent
    },
    post({ path, body, probes, ...how }, listener) {
      const text = postText(root + path, body, {
        host: base.host,
        connection: how.reuse ? 'keep-alive' : 'close',
        ...authorization,
        ...JSON_TYPE,
        ...(probes === true ? PROBE_HEADERS : {}),
      })
      return sockets.send({ ...how, text }, listener)
    },
    close: () => sockets.close(),
  }
}

/** A whole request of HTTP/1.1 (RFC 9112). Fields are of this file, or checked when the agent starts. */
function postText(path: string, body: string, fields: Readonly<Record<string, string>>): string {
  let head = `POST ${path} HTTP/1.1\r\n`
  for (const name in fields) head += `${name}: ${fields[name]}\r\n`
  return `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** Collects a body of at most `maxBytes`; undefined when it is longer. Calls back once, at its end. */
export function collect(
  response: IncomingMessage,
  maxBytes: number,
  onBody: (body: Buffer | undefined) => void,
): void {
  const body = new GatheredBody(maxBytes)
  response.on('data', (chunk: Buffer) => {
    if (body.add(chunk)) return
    response.destroy()
    onBody(undefined)
  })
  response.on('end', () => onBody(body.take()))
}
