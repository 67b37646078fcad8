import type { Command } from 'commander'
import { z } from 'zod'
import { agentLines } from '../control/control-client.ts'
import { MAX_EVENTS_KEPT } from '../control/control-limits.ts'
import type { AgentEvent } from '../events.ts'
import {
  agentStatus,
  controlFault,
  DATA_OPTION,
  JSON_OPTION,
  socketOf,
  type ControlFlags,
} from './control-asks.ts'
import { count } from './count.ts'
import { lineOfEvent } from './event-lines.ts'
import { agentData } from './own-agent.ts'
import { untilStopped } from './until-stopped.ts'

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

async function logs(given: LogsFlags): Promise<void> {
  const flags = { ...given, data: agentData(given.data) }
  const stopping = untilStopped()
  // `logs | head` leaves when it has enough.
  process.stdout.on('error', () => stopping.abort())
  await controlFault(flags, async () => {
    if (!flags.json) await sayWhereMoreIs(flags)
    const path = `/events?tail=${flags.tail}${flags.follow ? '&follow=1' : ''}`
    const asked = { socket: socketOf(flags.data), method: 'GET', path } as const
    for await (const line of agentLines(asked, stopping.signal)) {
      console.log(flags.json ? line : shown(line))
    }
  })
}

/** The agent keeps the latest lines only; a service's are all in the journal. */
async function sayWhereMoreIs({ data }: LogsFlags): Promise<void> {
  const { service } = await agentStatus(data)
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
