import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { PROVIDER_PATH } from '@infernet/schemas/wire'
import { endWithError } from './raw-answer.ts'

/** WebSockets that are taken on one path. */
export interface UpgradeRoute {
  readonly path: string
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Ends all of them at once. */
  terminate(): void
}

/** Hands upgrades on the HTTP server to the route of their path; others are answered with 404. */
export function acceptUpgrades(server: Server, routes: readonly UpgradeRoute[]): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    // Not `new URL`, which throws at what a stranger may send as a path.
    const path = request.url?.split('?', 1)[0]
    const route = routes.find((one) => one.path === path)
    if (route !== undefined) return route.upgrade(request, socket, head)
    const error = apiErrors.invalidRequest(`Providers connect to ${PROVIDER_PATH}.`)
    endWithError(socket, '404 Not Found', error)
  })
}
