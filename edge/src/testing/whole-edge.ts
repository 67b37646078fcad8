import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROVIDER_PATH, WS_SUBPROTOCOL, type Capability } from '@infernet/schemas/wire'
import { DEFAULT_COMPUTE_RATES } from '@infernet/settlement/compute-price'
import { parsePriceBounds } from '@infernet/settlement/price-bounds'
import { expect } from 'vitest'
import { WebSocket } from 'ws'
import { AuditKeys } from '../audit/audit-keys.ts'
import { startNodeEdge, type NodeEdgeOptions } from '../hosts/node/node-edge.ts'
import { parseTimeouts } from '../hub/job-timeouts.ts'
import type { ProviderHub } from '../hub/provider-hub.ts'
import { AUDIENCE, FakeProvider } from './fake-provider.ts'

export const OPERATOR = 'operator-token'

export interface WholeEdge {
  readonly url: string
  /** Asks `/operator/{path}`, by POST where there is a body; it must agree. */
  operate(path: string, body?: object): Promise<Record<string, unknown>>
  close(): Promise<void>
}

/** An edge on Node as its operator starts one, over a database that is there. It has a folder until it is closed. */
export async function startWholeEdge(
  databaseUrl: string,
  more: Partial<NodeEdgeOptions> = {},
): Promise<WholeEdge> {
  const folder = await mkdtemp(join(tmpdir(), 'infernet-edge-'))
  const edge = await startNodeEdge({
    host: '127.0.0.1',
    port: 0,
    dataDir: folder,
    databaseUrl,
    operatorToken: OPERATOR,
    audit: new AuditKeys(new Uint8Array(32)),
    log: () => {},
    timeouts: parseTimeouts(undefined),
    prices: parsePriceBounds(undefined, undefined),
    feeBps: 100,
    computeRates: DEFAULT_COMPUTE_RATES,
    ...more,
  })
  return {
    url: edge.url,
    operate: async (path, body) => {
      const response = await fetch(`${edge.url}/operator/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${OPERATOR}` },
        ...(body && { body: JSON.stringify(body) }),
      })
      expect(response.ok).toBe(true)
      return (await response.json()) as Record<string, unknown>
    },
    close: async () => {
      await edge.close(0)
      await rm(folder, { recursive: true })
    },
  }
}

/** A provider comes to the edge at `url`, over a real socket. */
export async function connectOverSocket(
  url: string,
  capability: Capability,
): Promise<{ readonly provider: FakeProvider; readonly socket: WebSocket }> {
  const socket = new WebSocket(url.replace('http', 'ws') + PROVIDER_PATH, WS_SUBPROTOCOL, {
    headers: { host: `${AUDIENCE}:80` },
  })
  const wire = { received: async (_: unknown, message: Uint8Array) => socket.send(message) }
  const provider = new FakeProvider(wire as unknown as ProviderHub)
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    provider.socket.send(isBinary ? Uint8Array.from(data) : data.toString())
  })
  await Promise.all([once(socket, 'message'), once(socket, 'open')])
  await provider.login(provider.hello({ capability, now: Date.now() }))
  return { provider, socket }
}
