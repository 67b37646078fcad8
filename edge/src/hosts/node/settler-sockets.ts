import { CLOSE } from '@infernet/schemas/close-codes'
import {
  MAX_SETTLER_MESSAGE_BYTES,
  SETTLER_PATH,
  SETTLER_PING_MS,
} from '@infernet/schemas/settler-wire'
import { WebSocketServer, type WebSocket } from 'ws'
import type { SettlerDesk } from '../../settler/settler-desk.ts'
import { refuseSettler } from '../../settler/settler-upgrade.ts'
import { endWithError } from './raw-answer.ts'
import type { UpgradeRoute } from './upgrades.ts'

/** A settler that has not even said ping for this long is gone, whatever TCP believes. */
const SILENCE_MS = 3 * SETTLER_PING_MS

/** The settler's WebSocket, for who has `token`; 404 for everybody when there is none. */
export function settlerUpgrades(desk: SettlerDesk, token: string | undefined): UpgradeRoute {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_SETTLER_MESSAGE_BYTES,
  })
  return {
    path: SETTLER_PATH,
    upgrade(request, socket, head) {
      const refusal = refuseSettler(request.headers.authorization, token)
      if (refusal !== undefined) {
        const status = refusal.status === 404 ? '404 Not Found' : '401 Unauthorized'
        return endWithError(socket, status, refusal)
      }
      sockets.handleUpgrade(request, socket, head, (ws) => serve(ws, desk))
    },
    terminate() {
      for (const ws of sockets.clients) ws.terminate()
    },
  }
}

function serve(ws: WebSocket, desk: SettlerDesk): void {
  const link = desk.connected({
    send: (text) => ws.send(text, () => {}),
    close: (code, reason) => ws.close(code, reason),
  })
  let heardAt = Date.now()
  const watch = setInterval(() => {
    if (Date.now() - heardAt > SILENCE_MS) ws.close(CLOSE.silent, 'silent for too long')
    if (Date.now() - heardAt > SILENCE_MS + SETTLER_PING_MS) ws.terminate()
  }, SETTLER_PING_MS)
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    heardAt = Date.now()
    void link.received(isBinary ? data : data.toString())
  })
  // A malformed frame or an oversized message: `ws` closes the connection itself.
  ws.on('error', () => {})
  ws.on('close', () => {
    clearInterval(watch)
    desk.disconnected(link)
  })
}
