import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, type AgentEnd } from '../agent.ts'
import { systemClock } from '../clock.ts'
import type { Engine } from '../engines/engine.ts'
import { EventLog, type AgentEvent } from '../events.ts'
import { loadIdentity, type Identity } from '../identity.ts'
import { edgeAddress } from '../link/edge-address.ts'
import { openPayoutDesk } from '../payout/open-payout-desk.ts'
import { FakeEdge, type FakeEdgeOptions } from '../testing/fake-edge.ts'

/** An agent between an edge and an engine, of which one is hostile. */
export interface ThreatenedAgent {
  readonly edge: FakeEdge
  readonly agent: Agent
  readonly identity: Identity
  readonly events: AgentEvent[]
  readonly ended: Promise<AgentEnd>
  /** All that it may write to. */
  readonly folder: string
  close(): Promise<void>
}

export async function threatenedAgent(
  engine: Engine,
  options: FakeEdgeOptions = {},
): Promise<ThreatenedAgent> {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
  const edge = new FakeEdge(options)
  await edge.start()
  const events: AgentEvent[] = []
  const log = new EventLog((event) => events.push(event), Date.now)
  const { identity } = loadIdentity(join(folder, 'key.pem'))
  const agent = new Agent({
    edge: edgeAddress(edge.url),
    identity,
    engine,
    price: { prompt: 100_000, completion: 400_000 },
    slots: 4,
    payouts: openPayoutDesk(undefined, identity, log),
    outboxPath: join(folder, 'outbox'),
    events: log,
    clock: systemClock,
    random: () => 0,
  })
  const ended = agent.run()
  const close = async (): Promise<void> => {
    agent.stop()
    await edge.close()
    await ended
  }
  return { edge, agent, identity, events, ended, folder, close }
}

/** A server at a private address that nobody may come to. */
export interface PrivateServer {
  readonly url: string
  /** Who came all the same: method and path. */
  readonly visits: readonly string[]
  /** What they brought. */
  readonly bodies: readonly string[]
  close(): void
}

export async function privateServer(): Promise<PrivateServer> {
  const visits: string[] = []
  const bodies: string[] = []
  const server = createServer((request, response) => {
    visits.push(`${request.method} ${request.url}`)
    request.setEncoding('utf8').on('data', (text: string) => bodies.push(text))
    request.on('end', () => response.end('{}'))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${port}`, visits, bodies, close }
}
