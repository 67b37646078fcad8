import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { errorMessage } from '../error-message.ts'
import type { LoopLag } from './agent-metrics.ts'
import { ControlError } from './control-error.ts'
import {
  CONTROL_REQUEST_MS,
  MAX_CONTROL_CONNECTIONS,
  MAX_CONTROL_HEADER_BYTES,
} from './control-limits.ts'
import { METRICS_CONTENT_TYPE } from './prometheus.ts'

const LOOPBACK = '127.0.0.1'
/** A page in a browser that has its own name lead here could read them, but has to say that name. */
const OWN_NAMES = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i
const NS_PER_SECOND = 1e9
/** An empty histogram has no numbers. */
const seconds = (ns: number): number => Math.max(0, ns || 0) / NS_PER_SECOND

/**
 * Answers `GET /metrics` on 127.0.0.1 with what `read` writes, until the server is closed. Port 0 takes a free one.
 * Throws {@link ControlError} `unusable` when the port is taken.
 */
export async function serveMetrics(port: number, read: (lag: LoopLag) => string): Promise<Server> {
  const lag = monitorEventLoopDelay({ resolution: 20 })
  lag.enable()
  const server = createServer(
    {
      maxHeaderSize: MAX_CONTROL_HEADER_BYTES,
      headersTimeout: CONTROL_REQUEST_MS,
      requestTimeout: CONTROL_REQUEST_MS,
      connectionsCheckingInterval: CONTROL_REQUEST_MS,
    },
    (request, response) => {
      if (!OWN_NAMES.test(request.headers.host ?? LOOPBACK)) {
        return void response.writeHead(403).end(`only as http://${LOOPBACK}\n`)
      }
      const isAsked = request.method === 'GET' && request.url?.split('?')[0] === '/metrics'
      if (!isAsked) return void response.writeHead(404).end('GET /metrics\n')
      const text = read({
        p50: seconds(lag.percentile(50)),
        p99: seconds(lag.percentile(99)),
        max: seconds(lag.max),
      })
      lag.reset()
      response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE }).end(text)
    },
  )
  server.maxConnections = MAX_CONTROL_CONNECTIONS
  server.on('close', () => lag.disable())
  try {
    await once(server.listen(port, LOOPBACK), 'listening')
  } catch (cause) {
    lag.disable()
    const reason = errorMessage(cause)
    const message = `cannot serve metrics: ${reason}. Choose another --metrics-port`
    throw new ControlError('unusable', message, { cause })
  }
  return server
}
