import { MAX_MESSAGE_BYTES } from '@infernet/schemas/limits'
import { WS_SUBPROTOCOL } from '@infernet/schemas/wire'
import { WebSocket, type ClientOptions } from 'ws'
import { CLOSE_TIMEOUT_MS, DIAL_TIMEOUT_MS, MAX_REFUSAL_BYTES } from '../limits.ts'
import type { EdgeAddress } from './edge-address.ts'
import { endOfRefusal, type LinkEnd } from './link-end.ts'

/** RFC 6455 masks against scripts in browsers that poison proxies: void under TLS and on loopback. */
const zeroMask = (mask: Buffer): void => {
  mask.fill(0)
}

/** `closeTimeout` is missing from the type package. */
const socketOptions = (edge: EdgeAddress): ClientOptions & { readonly closeTimeout: number } => ({
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  handshakeTimeout: DIAL_TIMEOUT_MS,
  closeTimeout: CLOSE_TIMEOUT_MS,
  ...(edge.isPrivate ? { generateMask: zeroMask } : {}),
})

/** A WebSocket to an edge that begins to connect. */
export const dial = (edge: EdgeAddress): WebSocket =>
  new WebSocket(edge.url, WS_SUBPROTOCOL, socketOptions(edge))

/** Hears when the edge answers with an HTTP status instead, with the beginning of what it says. */
export function onRefusal(socket: WebSocket, refused: (end: LinkEnd) => void): void {
  socket.on('unexpected-response', (request, response) => {
    let body = ''
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text
      if (body.length > MAX_REFUSAL_BYTES) response.destroy()
    })
    response.on('close', () => {
      request.destroy()
      refused(endOfRefusal(response.statusCode ?? 0, body.slice(0, MAX_REFUSAL_BYTES)))
    })
  })
}
