import type { Command } from 'commander'
import { z } from 'zod'
import { agentStatusSchema } from '../control/agent-status.ts'
import { agentLines, askAgent } from '../control/control-client.ts'
import { MAX_EVENTS_KEPT } from '../control/control-limits.ts'
import type { AgentEvent } from '../events.ts'
import {
  controlFault,
  DATA_OPTION,
  JSON_OPTION,
  socketOf,
  type ControlFlags,
} from './control-asks.ts'
import { count } from './count.ts'
import { lineOfEvent } from './event-lines.ts'

const DEFAULT_TAIL = 50

const lineSchema = z.looseObject({ at: z.iso.datetime(), event: z.string() })

interface LogsFlags extends ControlFlags {
  readonly follow?: boolean
  readonly tail: number
}

/** Adds `logs` to the program. */
export function addLogsCommand(program: Command): void {
  program
    .command('logs')
    .description('show what has happened in the running agent')
    .option('-f, --follow', 'and what happens from now on, until stopped')
    .option('--tail <n>', 'the latest lines', count(MAX_EVENTS_KEPT), DEFAULT_TAIL)
    .option(...DATA_OPTION)
    .option(...JSON_OPTION)
    .action(logs)
}

async function logs(flags: LogsFlags): Promise<void> {
  const socket = socketOf(flags)
  const stopping = new AbortController()
  process.once('SIGINT', () => stopping.abort()).once('SIGTERM', () => stopping.abort())
  // `logs | head` leaves when it has enough.
  process.stdout.on('error', () => stopping.abort())
  await controlFault(flags, async () => {
    const asked = { socket, method: 'GET' } as const
    if (!flags.json) await sayWhereMoreIs(socket)
    const path = `/events?tail=${flags.tail}${flags.follow ? '&follow=1' : ''}`
    for await (const line of agentLines({ ...asked, path }, stopping.signal)) {
      console.log(flags.json ? line : shown(line))
    }
  })
}

/** The agent keeps the latest lines only; a service's are all in the journal. */
async function sayWhereMoreIs(socket: string): Promise<void> {
  const asked = { socket, method: 'GET', path: '/status' } as const
  const { service } = await askAgent(asked, agentStatusSchema)
  if (service === null) return
  console.error(`all of its lines: journalctl -u ${service}`)
}

/** A line of the agent's log as a person reads it; as it is where it is of another version. */
function shown(line: string): string {
  try {
    const { at, ...event } = lineSchema.parse(JSON.parse(line))
    return lineOfEvent(event as unknown as AgentEvent, Date.parse(at))
  } catch {
    return line
  }
}
