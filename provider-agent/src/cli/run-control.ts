import type { Command } from 'commander'
import { systemClock } from '../clock.ts'
import type { AgentWatch } from '../control/agent-watch.ts'
import { ControlError } from '../control/control-error.ts'
import { openControl, type Control } from '../control/open-control.ts'
import { ownUnit } from '../control/own-unit.ts'
import type { EventLog } from '../events.ts'
import { AGENT_VERSION } from '../version.ts'
import { ownersError } from './control-asks.ts'
import { count } from './count.ts'

const MAX_PORT = 65_535

export interface MetricsFlags {
  readonly metricsPort?: number
}

/** Adds the option that serves metrics. */
export const addMetricsOption = (command: Command): Command =>
  command.option(
    '--metrics-port <port>',
    'serve Prometheus metrics at http://127.0.0.1:PORT/metrics',
    count(MAX_PORT),
  )

export interface RunControlOptions {
  /** Path of the control socket. */
  readonly socket: string
  readonly flags: MetricsFlags & {
    readonly edge: string
    readonly role: string
  }
  readonly peer: string
  readonly watch: AgentWatch
  readonly events: EventLog
}

/** Lets the owner's commands see and drain the agent that is about to run. Throws OwnerError. */
export async function openRunControl(options: RunControlOptions): Promise<Control> {
  const { events, flags, peer, socket, watch } = options
  const { edge, role } = flags
  const service = ownUnit(process.env)
  try {
    return await openControl({
      socket,
      metricsPort: flags.metricsPort,
      watch,
      facts: {
        version: AGENT_VERSION,
        pid: process.pid,
        service,
        role,
        peer,
        edge,
        startedAt: systemClock.now(),
      },
      events,
      clock: systemClock,
      rssBytes: () => process.memoryUsage.rss(),
    })
  } catch (error) {
    throw error instanceof ControlError ? ownersError(error) : error
  }
}
