import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, type AgentOptions } from '../agent.ts'
import { systemClock } from '../clock.ts'
import { EventLog, type AgentEvent } from '../events.ts'
import { loadIdentity } from '../identity.ts'
import { edgeAddress } from '../link/edge-address.ts'
import { openPayoutDesk } from '../payout/open-payout-desk.ts'
import { FakeEdge, type FakeEdgeOptions, type FakeSession } from './fake-edge.ts'

/** An agent with an edge of its own. */
export interface RunningAgent {
  readonly session: FakeSession
  /** All that it has told, as it comes. */
  readonly events: readonly AgentEvent[]
  /** Ends both. */
  stop(): Promise<void>
}

/** Starts an agent with these options, and resolves when it has logged in to its edge. */
export async function runAgent({
  edge: edgeOptions,
  ...options
}: Pick<AgentOptions, 'engine'> &
  Partial<Omit<AgentOptions, 'edge'>> & {
    readonly edge?: FakeEdgeOptions
  }): Promise<RunningAgent> {
  const edge = new FakeEdge(edgeOptions)
  await edge.start()
  const directory = mkdtempSync(join(tmpdir(), 'infernet-'))
  const events: AgentEvent[] = []
  const log = new EventLog((event) => events.push(event), Date.now)
  const { identity } = loadIdentity(join(directory, 'key.pem'))
  const agent = new Agent({
    edge: edgeAddress(edge.url),
    identity,
    price: { prompt: 1, completion: 1 },
    payouts: openPayoutDesk(undefined, identity, log),
    outboxPath: join(directory, 'outbox'),
    events: log,
    clock: systemClock,
    random: () => 0,
    ...options,
  })
  const ended = agent.run()
  const stop = async (): Promise<void> => {
    agent.stop()
    await edge.close()
    await ended
  }
  return { session: await edge.session(), events, stop }
}
