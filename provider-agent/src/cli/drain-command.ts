import type { Command } from 'commander'
import { agentStatusSchema } from '../control/agent-status.ts'
import { agentLines, askAgent } from '../control/control-client.ts'
import { ControlError } from '../control/control-error.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import {
  controlFault,
  DATA_OPTION,
  JSON_OPTION,
  socketOf,
  type ControlFlags,
} from './control-asks.ts'
import { untilStopped } from './until-stopped.ts'

interface DrainFlags extends ControlFlags {
  readonly wait?: boolean
}

/** Adds `drain` to the program. */
export function addDrainCommand(program: Command): void {
  program
    .command('drain')
    .description('let the running agent finish its jobs and end: it takes no new ones')
    .option('--wait', 'until it has ended')
    .option(...DATA_OPTION)
    .option(...JSON_OPTION)
    .action(drain)
}

async function drain(flags: DrainFlags): Promise<void> {
  const socket = socketOf(flags.data)
  const status = await controlFault(flags, () =>
    askAgent({ socket, method: 'POST', path: '/drain' }, agentStatusSchema),
  )
  if (flags.wait) await ended(flags, socket)
  const { jobs, pid, state } = status
  if (flags.json) {
    console.log(
      JSON.stringify({ pid, state: flags.wait ? 'stopped' : state, jobs_running: jobs.running }),
    )
  } else if (flags.wait) console.log('it has ended')
  else console.log(`draining; jobs that still run: ${jobs.running}. See infernet-agent status`)
}

/** The agent closes the stream when it ends, with `stopped` last. */
async function ended(flags: DrainFlags, socket: string): Promise<void> {
  const stopping = untilStopped().signal
  const asked = { socket, method: 'GET', path: '/events?tail=0&follow=1' } as const
  await controlFault(flags, async () => {
    try {
      for await (const _line of agentLines(asked, stopping)) continue
    } catch (error) {
      // It was faster than we.
      if (!(error instanceof ControlError) || error.code !== 'not_running') throw error
    }
  })
  if (stopping.aborted) {
    throw new OwnerError(EXIT.interrupted, 'stopped waiting; the agent goes on draining')
  }
}
