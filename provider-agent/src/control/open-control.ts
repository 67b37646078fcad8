import type { Server } from 'node:http'
import type { Clock } from '../clock.ts'
import type { EventLog } from '../events.ts'
import type { AgentLoad } from '../load/load-desk.ts'
import { agentMetrics } from './agent-metrics.ts'
import {
  modelsOf,
  statusOf,
  type AgentFacts,
  type JobsMemory,
  type LiveFacts,
} from './agent-status.ts'
import type { AgentWatch } from './agent-watch.ts'
import { ControlError } from './control-error.ts'
import { CONTROL_CLOSE_MS } from './control-limits.ts'
import { controlServer } from './control-server.ts'
import { listenAt } from './control-socket.ts'
import { serveMetrics } from './metrics-server.ts'

export interface ControlOptions {
  /** Path of the control socket. */
  readonly socket: string
  /** Of `/metrics` on 127.0.0.1; undefined: none. */
  readonly metricsPort: number | undefined
  readonly watch: AgentWatch
  readonly facts: AgentFacts
  readonly events: EventLog
  readonly clock: Clock
  readonly rssBytes: () => number
}

/** What is asked of the agent itself. */
export interface ControlledAgent {
  readonly jobsRunning: number
  readonly load: AgentLoad
  readonly memory: JobsMemory
  readonly receiptBatchesWaiting: number
  drain(): void
}

export interface Control {
  /** From now on it shows this agent. */
  attach(agent: ControlledAgent): void
  /** Ends what is being read, and removes the socket. */
  close(): Promise<void>
}

/**
 * Lets the owner's commands see the agent that is about to run, and drain it. Throws {@link ControlError}:
 * `already_running` when another agent has this data directory, `unusable` when the metrics have no port. Without
 * a usable path for the socket it says so as an event, and the agent runs.
 */
export async function openControl(options: ControlOptions): Promise<Control> {
  const { events, clock, facts, metricsPort, rssBytes, socket, watch } = options
  let agent: ControlledAgent | undefined
  const live = (): LiveFacts => ({
    jobsRunning: agent?.jobsRunning ?? 0,
    load: agent?.load,
    jobsMemory: agent?.memory,
    receiptBatchesWaiting: agent?.receiptBatchesWaiting ?? 0,
    rssBytes: rssBytes(),
  })
  const closing = new AbortController()
  const server = controlServer({
    watch,
    closing: closing.signal,
    status: () => statusOf(watch.state, facts, live(), clock),
    models: () => modelsOf(watch.state),
    drain: () => {
      const { phase } = watch.state
      if (phase !== 'draining' && phase !== 'stopped') agent?.drain()
    },
  })
  const remove = await listenOrSay(server, socket, events)
  const metrics = await metricsOf(metricsPort, (lag) =>
    agentMetrics(watch.state, { agent: facts, live: live(), lag }),
  ).catch((error: unknown) => {
    remove()
    server.close()
    throw error
  })
  return {
    attach: (attached) => {
      agent = attached
    },
    close: async () => {
      closing.abort()
      remove()
      await Promise.all([server, ...metrics].map(closed))
    },
  }
}

async function listenOrSay(server: Server, path: string, events: EventLog): Promise<() => void> {
  try {
    return await listenAt(server, path)
  } catch (error) {
    if (!(error instanceof ControlError) || error.code !== 'unusable') throw error
    events.emit({ event: 'control_trouble', message: error.message })
    return () => {}
  }
}

const metricsOf = async (
  port: number | undefined,
  read: Parameters<typeof serveMetrics>[1],
): Promise<Server[]> => (port === undefined ? [] : [await serveMetrics(port, read)])

function closed(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(() => server.closeAllConnections(), CONTROL_CLOSE_MS)
  server.close(() => resolve())
  return promise.finally(() => clearTimeout(timer))
}
