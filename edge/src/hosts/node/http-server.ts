import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener, RequestError } from '@hono/node-server'
import { errorEnvelope, type ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { endWithError } from './raw-answer.ts'

const MAX_HEADER_BYTES = 16 * 1024
/** A client must have sent its headers, and its whole body, within these times. */
const HEADERS_TIMEOUT_MS = 15_000
const REQUEST_TIMEOUT_MS = 60_000
/** How often those times are looked at. */
const CHECK_INTERVAL_MS = 5_000
/** Longer than common load balancers keep idle connections, so that they close first. */
const KEEP_ALIVE_MS = 75_000
const MAX_CONNECTIONS = 10_000

/** An HTTP server for a fetch-style handler, which also hears the socket's IP address, with a bound on everything a client may do. */
export function createHttpServer(
  fetch: (request: Request, from: { readonly address: string }) => Response | Promise<Response>,
  { requestTimeoutMs = REQUEST_TIMEOUT_MS }: { requestTimeoutMs?: number } = {},
): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      // Node's own interval would let a slow client stay 30 s longer.
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, requestTimeoutMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
      // Its absence is refused by `errorHandler`, with the envelope.
      requireHostHeader: false,
    },
    getRequestListener(
      (request, { incoming }) => fetch(request, { address: incoming.socket.remoteAddress ?? '' }),
      { errorHandler },
    ),
  )
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy()
    const answer = clientErrorAnswer(error.code)
    endWithError(socket, answer.status, answer.error)
  })
  return server
}

/** A host or a target that makes no URL reaches no route; nor does what a route lets through. */
function errorHandler(thrown: unknown): Response {
  const error = thrown instanceof RequestError ? noHttp() : apiErrors.internal()
  return Response.json(errorEnvelope(error), { status: error.status })
}

const noHttp = (): ApiError => apiErrors.invalidRequest('This is not a valid HTTP request.')

/** What cannot even be parsed as HTTP still gets the envelope. */
function clientErrorAnswer(code: string | undefined): { status: string; error: ApiError } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return {
      status: '431 Request Header Fields Too Large',
      error: apiErrors.headersTooLarge(MAX_HEADER_BYTES),
    }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return {
      status: '408 Request Timeout',
      error: apiErrors.invalidRequest('The request did not arrive in time.'),
    }
  }
  return { status: '400 Bad Request', error: noHttp() }
}
