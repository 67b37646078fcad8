import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PING_TEXT } from '@infernet/schemas/frame'
import { PING_INTERVAL_MS } from '@infernet/schemas/limits'
import { PROVIDER_PATH, WS_SUBPROTOCOL } from '@infernet/schemas/wire'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { ENOUGH_ROUND_TRIPS } from '../../hub/round-trips.ts'
import { startEdge } from '../../testing/test-edge.ts'
import { providerUpgrades } from './provider-sockets.ts'
import { acceptUpgrades } from './upgrades.ts'

describe("a provider's WebSocket", () => {
  it('is pinged, and its round trip known after enough of that', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const { hub } = await startEdge()
    const connected = vi.spyOn(hub, 'connected')
    const server = createServer()
    const providers = providerUpgrades(hub, (error) => expect.fail(String(error)))
    acceptUpgrades(server, [providers])
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(async () => {
      providers.terminate()
      server.close()
      await once(server, 'close')
    })
    const { port } = server.address() as AddressInfo
    const client = new WebSocket(`ws://127.0.0.1:${port}${PROVIDER_PATH}`, WS_SUBPROTOCOL)
    await once(client, 'message')
    const socket = connected.mock.calls[0]![0]
    for (let i = 0; i < ENOUGH_ROUND_TRIPS; i++) {
      expect(socket.roundTripMs?.()).toBeUndefined()
      const pinged = once(client, 'ping')
      vi.advanceTimersByTime(PING_INTERVAL_MS)
      await pinged
      // What answers this has seen the pong that went before it.
      const answered = once(client, 'message')
      client.send(PING_TEXT)
      await answered
    }
    expect(socket.roundTripMs?.()).toBeGreaterThan(0)
    client.terminate()
  })
})
