import type { IncomingMessage } from 'node:http'
import { CLOSE } from '@infernet/schemas/close-codes'
import { MAX_MESSAGE_BYTES, PING_INTERVAL_MS } from '@infernet/schemas/limits'
import { PROVIDER_PATH, WS_SUBPROTOCOL } from '@infernet/schemas/wire'
import { WebSocketServer, type WebSocket } from 'ws'
import type { HubSocket } from '../../hub/hub-connections.ts'
import type { ProviderHub } from '../../hub/provider-hub.ts'
import { RoundTrips } from '../../hub/round-trips.ts'
import { refuseSubprotocol } from '../../hub/provider-upgrade.ts'
import { endWithError } from './raw-answer.ts'
import type { UpgradeRoute } from './upgrades.ts'

/** A provider that has not even said ping for this long is gone, whatever TCP believes. */
const SILENCE_MS = 3 * PING_INTERVAL_MS

/**
 * Providers' WebSockets, fed to the hub. `onError` hears of what should never be thrown; the
 * connection that caused it is closed.
 */
export function providerUpgrades(
  hub: ProviderHub,
  onError: (error: unknown) => void,
): UpgradeRoute {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (offered) => (offered.has(WS_SUBPROTOCOL) ? WS_SUBPROTOCOL : false),
  })
  return {
    path: PROVIDER_PATH,
    upgrade(request, socket, head) {
      const refusal = refuseSubprotocol(request.headers['sec-websocket-protocol'])
      if (refusal !== undefined) return endWithError(socket, '426 Upgrade Required', refusal)
      sockets.handleUpgrade(request, socket, head, (ws) => {
        serve(ws, { hub, audience: audienceOf(request), onError })
      })
    },
    terminate() {
      for (const ws of sockets.clients) ws.terminate()
    },
  }
}

function serve(
  ws: WebSocket,
  options: { hub: ProviderHub; audience: string; onError: (error: unknown) => void },
): void {
  const { hub, audience, onError } = options
  const trips = new RoundTrips(() => performance.now())
  const socket: HubSocket = {
    send: (message) => ws.send(message),
    close: (code, reason) => ws.close(code, reason),
    bufferedBytes: () => ws.bufferedAmount,
    roundTripMs: () => trips.shortestMs,
    save: () => {},
  }
  let heardAt = Date.now()
  const watch = setInterval(() => {
    if (Date.now() - heardAt > SILENCE_MS) ws.terminate()
    else if (ws.readyState === ws.OPEN) ws.ping(trips.ping())
  }, PING_INTERVAL_MS)
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    heardAt = Date.now()
    hub.received(socket, isBinary ? data : data.toString()).catch((error: unknown) => {
      onError(error)
      ws.close(CLOSE.protocol, 'internal error')
    })
  })
  ws.on('pong', (payload: Buffer) => trips.pong(payload))
  // A malformed WebSocket frame or an oversized message: `ws` closes the connection itself.
  ws.on('error', () => {})
  ws.on('close', () => {
    clearInterval(watch)
    hub.disconnected(socket)
  })
  hub.connected(socket, audience)
}

/** The host name that the provider dialled, without its port. */
const audienceOf = (request: IncomingMessage): string =>
  (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase() || 'unknown'
